/*
 * Ids of deliveries that are left out: docs/protocol.md section 7, Names. What is kept, what is left out and why that
 * is sound: README.md beside this file. `npm run model` runs it.
 *
 * Bounds, each can be set with -D:
 */
#ifndef DELIVERIES
#define DELIVERIES 3 /* frames of new messages, by whichever broker */
#endif
#ifndef FAILURES
#define FAILURES 1 /* frames that do not arrive, and answers that do not */
#endif
#ifndef REFUSALS
#define REFUSALS 1 /* frames that the consumer refuses, before or after it has read the ids */
#endif
#ifndef KILLS
#define KILLS 1 /* times that the broker is killed, and the next opens the same store or another */
#endif
#ifndef IDS
#define IDS 5 /* of each store */
#endif

#define MAX_FRAME 2 /* messages in a frame: 256 */
#define NONE 0 /* no id, no incarnation, no process */

/* IdSequence (id-sequence.ts). */
typedef Ids {
  byte last = NONE;
  byte step = 1
};

inline begin(ids) {
  ids.last = NONE;
  ids.step = 1
}
#define AFTER(ids) (ids.last == NONE -> NONE : ids.last + ids.step)
inline append(ids, id) {
  ids.step = (ids.last != NONE && id > ids.last -> id - ids.last : 1);
  ids.last = id
}

/* Broker: EchoDeliveries (echo-deliveries.ts), deliveryFrame (delivery.ts). */
bool up;
byte incarnation; /* another one with each opening */
byte process; /* in which it runs: the next one too, or another */
byte told = NONE; /* what the consumer was told last and has understood; NONE: it is not certain */
Ids toldIds;
byte owedIn = NONE; /* the incarnation of what is in doubt: NONE: nothing is */
byte owed[MAX_FRAME]; /* ids; they go again one by one */

/* The frame that is under way. */
byte saysIn; /* its field; NONE: left out */
byte says[MAX_FRAME]; /* ids; NONE: left out */
byte size;
byte meansIn; /* ghosts: what the broker means */
byte means[MAX_FRAME];
bool isAgain;

/* Consumer: namesOf (deliveries.ts). */
byte by = NONE; /* the process that delivered last */
byte heard = NONE;
Ids heardIds;

byte deliveries = DELIVERIES;
byte failures = FAILURES;
byte refusals = REFUSALS;
byte kills = KILLS;

#define ALL_DONE (up && deliveries == 0 && owedIn == NONE && size == 0)

/* --- broker's rules --- */

Ids ids; /* behind the entry that is looked at, and behind the frame */
byte n;
/* deliveryFrame: `means` is what it has to say. */
inline encode() {
  begin(ids);
  saysIn = meansIn;
  if
  :: told == meansIn -> saysIn = NONE; ids.last = toldIds.last; ids.step = toldIds.step
  :: else
  fi;
  n = 0;
  do
  :: n == size -> break
  :: n < size && means[n] == AFTER(ids) -> says[n] = NONE; append(ids, means[n]); n++
  :: n < size && means[n] != AFTER(ids) -> says[n] = means[n]; append(ids, means[n]); n++
  od;
  n = 0;
  printf("%d sends %d, %d of %d as %d, %d\n", incarnation, means[0], means[1], meansIn, says[0], says[1]);
#if defined(TOLD_BEFORE_ANSWER)
  told = meansIn; toldIds.last = ids.last; toldIds.step = ids.step
#elif !defined(IDS_UNTIL_ANSWERED)
  told = NONE; begin(toldIds)
#endif
}

/* toldWith: the answer says that it was understood. */
inline answered() {
  told = meansIn;
  toldIds.last = ids.last;
  toldIds.step = ids.step;
  clear()
}

inline clear() {
  size = 0;
  saysIn = NONE; says[0] = NONE; says[1] = NONE;
  meansIn = NONE; means[0] = NONE; means[1] = NONE;
  isAgain = false;
  begin(ids)
}

/* Nobody knows whether it has arrived. */
inline owe() {
  if
  :: isAgain -> skip /* it still is */
  :: else -> owedIn = meansIn; owed[0] = means[0]; owed[1] = means[1]
  fi;
  clear()
}

inline settled() {
  if
  :: isAgain && owed[1] != NONE -> owed[0] = owed[1]; owed[1] = NONE
  :: isAgain && owed[1] == NONE -> owed[0] = NONE; owedIn = NONE
  :: else
  fi
}

/* --- consumer's rules --- */

bool isGoingOn;
byte id;
inline judge() {
  isGoingOn = (saysIn == NONE && by == process);
  heard = (saysIn != NONE -> saysIn : (isGoingOn -> heard : NONE));
  assert(heard == meansIn); /* the incarnation that is meant */
#ifndef GOES_ON
  if
  :: isGoingOn -> skip
  :: else -> begin(heardIds)
  fi;
#endif
  by = process;
  n = 0;
#ifdef BY_FRAME
  id = AFTER(heardIds); /* of every entry */
#endif
  do
  :: n == size -> break
  :: n < size ->
#ifdef BY_FRAME
    id = (says[n] != NONE -> says[n] : id);
#else
    id = (says[n] != NONE -> says[n] : AFTER(heardIds));
#endif
    printf("  consumer takes it for %d of %d\n", id, heard);
    assert(id == means[n]); /* the id that is meant */
    append(heardIds, id);
    n++
  od;
  n = 0;
  id = NONE;
  isGoingOn = false
}

/* --- the world --- */

inline kill() {
  printf("%d is killed\n", incarnation);
  kills--;
  up = false;
  told = NONE;
  begin(toldIds)
}

inline open(newProcess) {
  up = true;
  incarnation++;
  process = process + newProcess;
  printf("%d opens a store, in process %d\n", incarnation, process)
}

proctype Broker() {
  byte a, b;
  do
  :: ALL_DONE -> break
  /* What is in doubt goes first, as it was, and one by one. */
  :: up && size == 0 && owedIn != NONE ->
    d_step {
      isAgain = true; size = 1; meansIn = owedIn; means[0] = owed[0];
#ifdef RESEND_LEAVES_OUT
      encode(); says[0] = NONE
#else
      encode()
#endif
    }
  :: up && size == 0 && owedIn == NONE && deliveries > 0 ->
    atomic {
      select (a : 1 .. IDS);
      select (b : 0 .. IDS);
      d_step {
        deliveries--;
        size = (b == NONE || b == a -> 1 : 2);
        meansIn = incarnation; means[0] = a; means[1] = (b == a -> NONE : b);
        a = 0; b = 0;
        encode()
      }
    }
  :: d_step { up && size > 0 -> judge(); settled(); answered() }
  /* It does not arrive: the broker knows that, or does not. */
  :: d_step { up && size > 0 && failures > 0 && !isAgain -> failures--; printf("  not sent\n"); clear() }
  :: d_step { up && size > 0 && failures > 0 -> failures--; printf("  lost\n"); owe() }
  :: d_step { up && size > 0 && failures > 0 -> failures--; judge(); printf("  no answer\n"); owe() }
  /* Damaged, or too large; or closing. Of a message in doubt it does not end the doubt. */
  :: d_step { up && size > 0 && refusals > 0 ->
      refusals--; printf("  refused\n"); if :: isAgain -> owe() :: else -> clear() fi
    }
  :: d_step { up && size > 0 && refusals > 0 -> refusals--; judge(); printf("  refused\n"); settled(); clear() }
  :: d_step { up && size > 0 && kills > 0 -> owe(); kill() }
  :: d_step { up && size > 0 && kills > 0 -> judge(); owe(); kill() }
  :: d_step { up && size == 0 && kills > 0 && !ALL_DONE -> kill() }
  :: d_step { !up -> open(0) }
  :: d_step { !up -> open(1) }
  /* Another store: what this one has reserved is asked for when it comes back, if ever. */
  :: d_step { !up && owedIn != NONE -> owedIn = NONE; owed[0] = NONE; owed[1] = NONE; open(1) }
  od
}

init {
  atomic { run Broker() }
}
