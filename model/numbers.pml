/*
 * Numbers of producers, frame by frame: docs/protocol.md, section 6, Sequence and MORE. What is kept, what is
 * left out and why that is sound: README.md beside this file. `npm run model` runs it.
 *
 * Bounds, each can be set with -D:
 */
#ifndef MESSAGES
#define MESSAGES 6 /* that the producer has */
#endif
#ifndef FAILURES
#define FAILURES 1 /* frames of which the producer gets no answer, whether they arrived or not */
#endif
#ifndef KILLS
#define KILLS 1 /* times that the broker is killed, at any moment, and started again with any store */
#endif
#ifndef BACKUPS
#define BACKUPS 0 /* times that store 0 is put back from the copy that was taken of it */
#endif
#ifndef REFUSALS
#define REFUSALS 1 /* commits that the store, its limit or a broker that stops refuses */
#endif
#ifndef OTHERS
#define OTHERS 1 /* frames of another producer: they abandon a half batch */
#endif
#ifndef EVICTIONS
#define EVICTIONS 1 /* times that the broker forgets a producer: it keeps the 4096 newest in memory */
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 1 /* groups that the user gives up */
#endif

#define MODULUS 4 /* 128 */
#define WINDOW 2 /* 64 */
#define MAX_GROUP 2 /* 48 */
#define NONE 255 /* no number */
#define NOBODY 0 /* no incarnation */

/* Of the store: which numbers it has, the last one, in one transaction. */
typedef Store {
  byte has;
  byte last = NONE;
};
Store store[2];
Store copy; /* of store 0, taken at some earlier time */
bool copied;

/* The broker. */
bool up;
byte incarnation; /* grows with each opening */
bit opened; /* which store */
bool knows; /* has a state of the producer in memory: */
byte last = NONE;
byte before = NONE;
byte next = NONE; /* of a frame that does not tell: the one after the frame that was accepted last */
byte batch; /* numbers that were accepted provisionally */

/* Frames that the broker has and has not judged: its store may take longer than a producer waits. */
typedef Frame {
  byte seq;
  byte number = NONE; /* the field */
  bool more;
  bool awaited; /* the producer still waits for the answer */
  byte real; /* ghost: the number that the producer means */
};
Frame queue[2];
byte queued;

/* The producer. */
mtype = { Idle, Sending, Awaiting }
mtype doing = Idle;
byte first; /* of the group */
byte size; /* 0: the next group is not made yet */
byte index; /* frame of the group */
byte address = NOBODY; /* the incarnation that it read with the broker's address */
byte known = NOBODY; /* the incarnation that confirmed last */
bool gaveUp;

byte failures = FAILURES;
byte kills = KILLS;
byte backups = BACKUPS;
byte refusals = REFUSALS;
byte others = OTHERS;
byte evictions = EVICTIONS;
byte giveUps = GIVE_UPS;

#define ALL_DONE (first == MESSAGES)
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define N (first + index)

/* --- the rules --- */

/* 0 for number 0 only, then 1 .. MODULUS-1 again and again: nothing else can be taken for the first frame. */
#if defined(NEAREST) || defined(SEQ_0_AGAIN)
#define SEQ(m) ((m) % MODULUS)
#else
#define SEQ(m) ((m) == 0 -> 0 : 1 + ((m) - 1) % (MODULUS - 1))
#endif

/* Does the producer tell the frame's number? */
#if defined(NO_NUMBER)
#define TELLS false
#elif defined(NEAREST)
#define TELLS (index == 0 && ((N >= MODULUS && address != known) || gaveUp))
#else
#define TELLS (index == 0 && N > 0 && address != known)
#endif

byte n; /* the number that the broker takes the frame for; NONE: it cannot know */
#define DISTANCE ((queue[0].seq + 2 * MODULUS - last % MODULUS) % MODULUS)
inline readNumber() {
  if
  :: queue[0].number != NONE -> n = queue[0].number
#ifdef NEAREST
  :: queue[0].number == NONE && (!knew || last == NONE) -> n = queue[0].seq
  :: queue[0].number == NONE && knew && last != NONE ->
    n = last + DISTANCE - (DISTANCE < WINDOW -> 0 : MODULUS);
    n = (n > 200 -> 0 : n) /* before 0: a repeat, too */
#else
  :: queue[0].number == NONE && queue[0].seq == 0 -> n = 0
  :: queue[0].number == NONE && queue[0].seq != 0 && next != NONE && SEQ(next) == queue[0].seq -> n = next
#endif
  :: else -> n = NONE
  fi
}
#define IS_REPEAT (last != NONE && n <= last)

inline abandon() {
#ifndef GO_ON
  next = NONE;
#endif
  last = before;
  batch = 0
}

bool knew;
/* Verdict: */
mtype = { Accepted, Refused }
mtype verdict;

inline commit() {
  if
  :: batch == 0 -> verdict = Accepted
  :: batch != 0 && !refusing ->
    printf("  stores %d, last %d\n", batch, last);
    assert((store[opened].has & batch) == 0); /* never twice */
    store[opened].has = store[opened].has | batch;
#ifndef MEMORY_ONLY
    store[opened].last = last;
#endif
    batch = 0;
    verdict = Accepted
  :: batch != 0 && refusing ->
    printf("  refuses the batch\n");
    abandon();
    verdict = Refused
  fi
}

bool refusing;
inline judge() {
  knew = knows;
  if
#ifdef TRUST_STORE
  :: !knows -> knows = true; next = (store[opened].last == NONE -> NONE : store[opened].last + 1);
#else
  :: !knows -> knows = true; next = NONE;
#endif
    last = store[opened].last; before = last; batch = 0
  :: else
  fi;
  readNumber();
  printf("%d judges %d (seq %d, field %d, more %d): taken for %d, last %d\n", incarnation, queue[0].real, queue[0].seq,
    queue[0].number, queue[0].more, n, last);
  verdict = Accepted;
  if
  :: n == NONE ->
    if
    :: batch != 0 -> abandon()
    :: else -> next = NONE
    fi;
    verdict = Refused
  :: n != NONE && IS_REPEAT ->
    next = n + 1;
    if
    :: queue[0].more
    :: else -> commit()
    fi
  :: else ->
    if
    :: batch == 0 -> before = last
    :: else
    fi;
    batch = batch | (1 << queue[0].real);
    last = n;
    next = n + 1;
    if
    :: queue[0].more
    :: else -> commit()
    fi
  fi;
  n = 0; knew = false
}

inline shift() {
  queued--;
  queue[0].seq = queue[1].seq; queue[0].number = queue[1].number; queue[0].more = queue[1].more;
  queue[0].awaited = queue[1].awaited; queue[0].real = queue[1].real;
  queue[1].seq = 0; queue[1].number = 0; queue[1].more = 0; queue[1].awaited = 0; queue[1].real = 0
}

/* This try has failed. */
inline fail() {
  doing = Idle;
  address = NOBODY;
  index = 0;
  queue[0].awaited = false;
  queue[1].awaited = false;
#if !defined(NEAREST) && !defined(KEEP_KNOWN)
  known = NOBODY
#endif
}

#ifdef UNPINNED
#define REACHES up
#else
#define REACHES (up && incarnation == address)
#endif

inline kill() {
  printf("%d is killed\n", incarnation);
  kills--;
  up = false; refusing = false;
  knows = false; last = NONE; before = NONE; next = NONE; batch = 0;
  queued = 0;
  queue[0].seq = 0; queue[0].number = 0; queue[0].more = 0; queue[0].awaited = 0; queue[0].real = 0;
  queue[1].seq = 0; queue[1].number = 0; queue[1].more = 0; queue[1].awaited = 0; queue[1].real = 0
}

#define GROUP (((1 << size) - 1) << first)

inline open(s) {
  up = true;
  opened = s;
  incarnation++;
  printf("%d opens store %d (has %d, last %d)\n", incarnation, s, store[s].has, store[s].last)
}

active proctype Everything() {
  do
  :: d_step { ALL_DONE -> failures = 0 }; break

  /* --- the producer --- */
  :: d_step { doing == Idle && size == 0 && !ALL_DONE -> size = 1 }
  :: d_step { doing == Idle && size == 0 && !ALL_DONE && first + 1 < MESSAGES -> size = 2 }
  :: d_step { doing == Idle && size != 0 && up ->
      address = incarnation; index = 0; doing = Sending;
      printf("producer sends %d..%d to %d (%d confirmed last)\n", first, first + size - 1, address, known)
    }
  :: d_step { doing == Sending && REACHES && queued < 2 ->
      queue[queued].seq = SEQ(N);
      if
      :: TELLS -> queue[queued].number = N
      :: else -> queue[queued].number = NONE
      fi;
      queue[queued].more = (index < size - 1);
      queue[queued].awaited = true;
      queue[queued].real = N;
      queued++;
      doing = Awaiting
    }
  :: d_step { doing != Idle && !REACHES ->
      printf("producer: the broker is gone\n"); fail() }
  :: d_step { doing == Awaiting && queued == 0 -> fail() } /* its broker was killed */
  :: d_step { doing == Sending && REACHES && failures > 0 -> failures--; printf("producer: not sent\n"); fail() }
  :: d_step { doing == Awaiting && failures > 0 -> failures--; printf("producer: no answer\n"); fail() }
  :: d_step { doing == Idle && size != 0 && giveUps > 0 ->
      printf("producer gives up %d..%d\n", first, first + size - 1);
      giveUps--;
      first = first + size; size = 0; gaveUp = true;
#ifndef NEAREST
      known = NOBODY
#endif
    }

  /* --- the broker --- */
  :: d_step { up && queued > 0 && !queue[0].more && refusals > 0 && !refusing -> refusals--; refusing = true }
  :: d_step { up && queued > 0 ->
      judge();
      refusing = false;
      if
      :: queue[0].awaited && verdict == Refused -> printf("  refused\n"); shift(); fail()
      :: queue[0].awaited && verdict == Accepted && !queue[0].more ->
        printf("producer: %d..%d confirmed\n", first, first + size - 1);
        assert((store[opened].has & GROUP) == GROUP); /* confirmed: it is there */
        known = address; gaveUp = false;
        first = first + size; size = 0; index = 0; address = NOBODY; doing = Idle;
        shift()
      :: queue[0].awaited && verdict == Accepted && queue[0].more -> index++; doing = Sending; shift()
      :: else -> shift()
      fi
    }
    /* it is killed before it answers */
  :: d_step { up && queued > 0 && kills > 0 -> judge(); kill() }
  :: d_step { up && kills > 0 -> kill() }
  :: d_step { !up && !ALL_DONE -> open(0) }
  :: d_step { !up && !ALL_DONE -> open(1) }
  :: d_step { !up && !ALL_DONE -> store[1].has = 0; store[1].last = NONE; open(1) } /* a new one; in memory */
  :: d_step { !up && !ALL_DONE && copied && backups > 0 ->
      backups--; store[0].has = copy.has; store[0].last = copy.last; printf("put back from the backup:\n"); open(0)
    }
  :: d_step { !copied && backups > 0 && store[0].has != 0 -> copied = true; copy.has = store[0].has; copy.last = store[0].last; printf("backup\n") }
  :: d_step { up && others > 0 && batch != 0 -> others--; printf("a frame of another producer\n"); abandon() }
  :: d_step { up && evictions > 0 && knows && batch == 0 -> evictions--; printf("the broker forgets the producer\n");
      knows = false; last = NONE; before = NONE; next = NONE }
  od
}
