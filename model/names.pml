/*
 * Names of deliveries: docs/protocol.md, section 7. What is kept, what is left out and why that is sound:
 * README.md beside this file. `npm run model` runs it.
 *
 * Bounds, each can be set with -D:
 */
#ifndef MESSAGES
#define MESSAGES 2 /* that producers send, to whichever store is open */
#endif
#ifndef FAILURES
#define FAILURES 1 /* frames of which the sender gets no answer, whether they arrived or not */
#endif
#ifndef KILLS
#define KILLS 1 /* times that the broker is killed, at any moment, and started again with any store */
#endif
#ifndef BACKUPS
#define BACKUPS 0 /* times that store 0 is put back from the copy that was taken of it */
#endif
#ifndef LOSSES
#define LOSSES 1 /* times that the ack-wait of a message in hand is over, or another consumer took one and died */
#endif
#ifndef FAILS
#define FAILS 1 /* times that a handler fails, or says dead */
#endif

#define IDS 2
#define INCARNATIONS (KILLS + 1)
#define NUMBERS (LOSSES + FAILS + 1) /* of deliveries of one message */
#define NAMES (INCARNATIONS * IDS * NUMBERS)
#define REALNAME(inc, i, d) ((((inc) - 1) * IDS + (i)) * NUMBERS + (d) - 1)
#if defined(NO_INCARNATION)
#define NAME(inc, i, d) REALNAME(1, i, d)
#elif defined(NO_DELIVERY_NUMBER)
#define NAME(inc, i, d) REALNAME(inc, i, 1)
#else
#define NAME REALNAME
#endif

mtype = { Absent, Ready, Reserved, Dead, Gone }
typedef Row {
  mtype state = Absent;
  byte deliveries; /* times handed out and come back */
  byte incarnation; /* of the opening under which it was handed out last */
  byte what; /* ghost: which message it is */
};
typedef Store { Row row[IDS] };
Store store[2];
Store copy; /* of store 0, taken at some earlier time */
bool copied;

/* The broker. */
bool up;
byte incarnation;
bit opened;
byte told; /* what the consumer was told last, by this process, and answered; 0: nothing */
bool owed[IDS]; /* to be sent: new, or in doubt */

/* The consumer, which lives: by the name that it thinks a delivery has. */
mtype = { New, InHand, SaysDone, SaysFailed, Done, Failed }
mtype answer[NAMES] = New;
byte task[3]; /* 1 + name of what is in hand, or to be settled */
byte real[NAMES]; /* ghost: which delivery this is about, 1 + name */
byte hears; /* the incarnation that this broker process told last */
byte heard; /* of which broker process that is */

/* Ghost: by name, which message was handled. */
byte handled[NAMES];

byte messages = MESSAGES;
byte failures = FAILURES;
byte kills = KILLS;
byte backups = BACKUPS;
byte losses = LOSSES;
byte fails = FAILS;

#define R store[opened].row[i]
#define D (R.deliveries + 1)
#define HAS(i, s) (up && store[opened].row[i].state == s)
#define REAL REALNAME(R.incarnation, i, D)
#define SETTLED(s) (store[s].row[0].state != Ready && store[s].row[0].state != Reserved && store[s].row[1].state != Ready && store[s].row[1].state != Reserved)

inline back() {
  R.deliveries++;
  R.state = Ready;
  owed[i] = false
}

inline done() {
  printf("  message %d of store %d is done\n", i, opened);
  R.state = Gone;
  owed[i] = false
}

/* A delivery arrives. It thinks that its name is `name`. */
byte thinks; byte name; mtype verdict;
inline arrive(how) {
  if
  :: told == R.incarnation -> thinks = (heard == incarnation -> hears : 0)
  :: else -> thinks = R.incarnation; heard = incarnation; hears = thinks
  fi;
#ifdef TOLD_UNTIL_ANSWERED
#else
  if
  :: told != R.incarnation -> told = 0
  :: else
  fi;
#endif
  assert(thinks != 0);
  name = NAME(thinks, i, D);
  printf("%d delivers %d.%d.%d, the consumer thinks %d.%d.%d: %e\n", incarnation, R.incarnation, i, D, thinks, i, D, answer[name]);
  if
  :: answer[name] == New ->
    assert(handled[REAL] == 0); /* never handled twice */
    handled[REAL] = R.what;
    real[name] = 1 + REAL;
    answer[name] = how;
    if
    :: how == InHand ->
      if
      :: task[0] == 0 -> task[0] = 1 + name
      :: task[0] != 0 && task[1] == 0 -> task[1] = 1 + name
      :: else -> assert(task[2] == 0); task[2] = 1 + name
      fi
    :: else
    fi
  :: else
  fi;
  verdict = answer[name]; name = 0; thinks = 0
}

/* The broker hears the answer. */
inline hear() {
  told = R.incarnation;
  if
  :: verdict == InHand -> owed[i] = false
  :: verdict == Done || verdict == SaysDone ->
    assert(handled[REAL] == R.what); /* done: it was handled */
    done()
  :: verdict == Failed || verdict == SaysFailed ->
    assert(handled[REAL] == R.what);
    back()
  fi;
  verdict = 0
}

/* A settlement of the delivery `name`. */
#define INC_OF(name) ((name) / (IDS * NUMBERS) + 1)
#define ID_OF(name) (((name) / NUMBERS) % IDS)
#define D_OF(name) ((name) % NUMBERS + 1)
byte means; byte i;
inline settle(m) {
  i = ID_OF(m);
  if
#ifdef SETTLES_BY_TOLD
  :: heard == incarnation && hears == INC_OF(m) -> means = told /* not in the frame */
#else
  :: INC_OF(m) == incarnation -> means = incarnation /* not in the frame: as broker.json says */
#endif
  :: else -> means = INC_OF(m)
  fi;
  printf("consumer settles %d.%d.%d (%e) as %d\n", INC_OF(m), i, D_OF(m), answer[m], means);
  if
  :: R.state == Reserved && R.incarnation == means && D == D_OF(m) ->
    assert(real[m] == 1 + REAL); /* it means this delivery */
    if
    :: answer[m] == SaysDone -> done()
    :: answer[m] == SaysFailed -> back()
    fi
#ifdef LATE_BY_NUMBER
#define OF_IT true
#else
#define OF_IT (R.incarnation == means)
#endif
  :: R.state == Ready && OF_IT && R.deliveries == D_OF(m) && answer[m] == SaysDone -> /* late */
    assert(handled[real[m] - 1] == R.what);
    done()
  :: else -> printf("  unknown\n")
  fi;
  means = 0; i = 0
}

inline kill() {
  printf("%d is killed\n", incarnation);
  kills--;
  up = false;
  told = 0; owed[0] = false; owed[1] = false
}

inline open(s) {
  up = true;
  opened = s;
  incarnation++;
  owed[0] = (store[s].row[0].state == Reserved);
  owed[1] = (store[s].row[1].state == Reserved);
  printf("%d opens store %d\n", incarnation, s)
}

inline copyRow(from, to) {
  to.state = from.state; to.deliveries = from.deliveries; to.incarnation = from.incarnation; to.what = from.what
}

#define HAS_HAND (task[0] == 0 || task[1] == 0 || task[2] == 0)
#define TURN(j) \
  :: d_step { HAS(j, Ready) -> i = j; R.state = Reserved; R.incarnation = incarnation; owed[i] = true; i = 0 } \
  :: d_step { HAS(j, Reserved) && owed[j] -> i = j; arrive(Done); hear(); i = 0 } \
  :: d_step { HAS(j, Reserved) && owed[j] && HAS_HAND -> i = j; arrive(InHand); hear(); i = 0 } \
  :: d_step { HAS(j, Reserved) && owed[j] && fails > 0 -> fails--; i = j; arrive(Failed); hear(); i = 0 } \
  :: d_step { HAS(j, Reserved) && owed[j] && failures > 0 -> failures--; i = j; arrive(Done); printf("  no answer\n"); verdict = 0; i = 0 } \
  :: d_step { HAS(j, Reserved) && owed[j] && failures > 0 && HAS_HAND -> failures--; i = j; arrive(InHand); printf("  no answer\n"); verdict = 0; i = 0 } \
  :: d_step { HAS(j, Reserved) && owed[j] && failures > 0 -> failures--; i = j; printf("%d delivers %d to nobody\n", incarnation, i); LOST_TOLD; i = 0 } \
  :: d_step { HAS(j, Reserved) && owed[j] && kills > 0 -> i = j; arrive(Done); kill(); verdict = 0; i = 0 } \
  :: d_step { HAS(j, Reserved) && owed[j] && kills > 0 && HAS_HAND -> i = j; arrive(InHand); kill(); verdict = 0; i = 0 } \
  :: d_step { HAS(j, Reserved) && losses > 0 -> losses--; i = j; printf("ack-wait of %d is over\n", i); back(); i = 0 } \
  :: d_step { HAS(j, Ready) && losses > 0 -> losses--; i = j; printf("another takes %d, and dies\n", i); R.incarnation = incarnation; back(); i = 0 } \
  :: d_step { HAS(j, Absent) && messages > 0 && (j == 0 || store[opened].row[0].state != Absent) -> \
      messages--; i = j; R.state = Ready; R.what = MESSAGES - messages; printf("store %d gets message %d: %d\n", opened, i, R.what); i = 0 }
#ifdef TOLD_UNTIL_ANSWERED
#define LOST_TOLD skip
#else
#define LOST_TOLD told = (told == R.incarnation -> told : 0)
#endif

#define A(k) answer[task[k] - 1]
#define WORK(k) \
  :: d_step { task[k] != 0 && A(k) == InHand -> A(k) = SaysDone } \
  :: d_step { task[k] != 0 && A(k) == InHand && fails > 0 -> fails--; A(k) = SaysFailed } \
  :: d_step { up && task[k] != 0 && A(k) != InHand -> m = task[k] - 1; settle(m); answer[m] = (answer[m] == SaysDone -> Done : Failed); task[k] = 0; m = 0 } \
  :: d_step { up && task[k] != 0 && A(k) != InHand && failures > 0 -> failures--; m = task[k] - 1; settle(m); printf("  no answer\n"); m = 0 }

byte m;
active proctype Everything() {
  do
  :: atomic { up && (messages == 0 || store[opened].row[IDS - 1].state != Absent) && SETTLED(opened) && task[0] + task[1] + task[2] == 0 -> break }
  TURN(0)
  TURN(1)
  WORK(0)
  WORK(1)
  WORK(2)
  :: d_step { up && kills > 0 -> kill() }
  :: d_step { !up -> open(0) }
  :: d_step { !up -> open(1) }
  :: d_step { !up && copied && backups > 0 -> backups--; copyRow(copy.row[0], store[0].row[0]); copyRow(copy.row[1], store[0].row[1]); printf("put back from the backup:\n"); open(0) }
  :: d_step { !copied && backups > 0 -> copied = true; copyRow(store[0].row[0], copy.row[0]); copyRow(store[0].row[1], copy.row[1]); printf("backup\n") }
  od
}
