/*
 * The numbers of producers' frames: docs/protocol.md section 6, Sequence and MORE. What is kept, what is left
 * out and why that is sound: README.md beside this file. `npm run model` runs it.
 *
 * Bounds, each can be set with -D:
 */
#ifndef MESSAGES
#define MESSAGES 6 /* that the producer has, at most 8 */
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
#define REFUSALS 1 /* frames that the broker refuses: store full or broken, too large, closing */
#endif
#ifndef OTHERS
#define OTHERS 1 /* frames of another producer in the middle of a group: they abandon it */
#endif
#ifndef EVICTIONS
#define EVICTIONS 1 /* times that the broker forgets a producer: it has the newest 4096 in memory */
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 1 /* groups that the user gives up */
#endif

#define MODULUS 4 /* 128 */
#define MAX_GROUP 2
#define NONE 255 /* no number */
#define NOBODY 0 /* no incarnation */

/* producers (sqlite-producers.ts): the messages that it has, as bits, and the last number, in one transaction. */
typedef Store {
  byte has;
  byte last = NONE
};
Store store[2];
Store copy; /* of store 0, taken at some earlier time */
bool copied;

/* Intake, ProducerState (intake.ts, producers.ts). */
bool up;
byte incarnation; /* another one with each opening */
bit opened; /* which store */
bool knows; /* has a state of the producer: */
byte last = NONE;
byte before = NONE;
byte next = NONE;
byte batch; /* as bits */

/* What the broker has and has not judged: its store may take longer than a producer waits. */
typedef Frame {
  byte seq;
  byte number = NONE; /* the field */
  bool more;
  bool awaited; /* the producer still waits for the answer */
  byte means /* ghost: which message it is */
};
#define QUEUE 2
Frame queue[QUEUE];
byte queued;
#define frame queue[0]

/* GroupSender (group-sender.ts), and Endpoint.numbered. */
mtype = { Idle, Sending, Awaiting }
mtype doing = Idle;
byte first; /* of the group */
byte size; /* 0: the next group is not made yet */
byte index; /* of the frame in the group */
byte address = NOBODY; /* the incarnation that broker.json had for this try */
byte known = NOBODY; /* the incarnation that has confirmed the frame before the group */

byte failures = FAILURES;
byte kills = KILLS;
byte backups = BACKUPS;
byte refusals = REFUSALS;
byte others = OTHERS;
byte evictions = EVICTIONS;
byte giveUps = GIVE_UPS;

#define ALL_DONE (first == MESSAGES)
#define NUMBER (first + index)
#define GROUP (((1 << size) - 1) << first)

/* --- sender's rules --- */

/* 0 is the first one's and no other's. */
#if defined(SEQ_0_AGAIN) || defined(NEAREST)
#define SEQ(m) ((m) % MODULUS)
#else
#define SEQ(m) ((m) == 0 -> 0 : 1 + ((m) - 1) % (MODULUS - 1))
#endif

#if defined(NO_NUMBER)
#define SAYS_NUMBER false
#elif defined(NEAREST)
#define SAYS_NUMBER (index == 0 && NUMBER >= MODULUS && address != known)
#else
#define SAYS_NUMBER (index == 0 && NUMBER > 0 && address != known)
#endif

#ifdef KEEP_KNOWN
#define DOUBT skip
#else
#define DOUBT known = NOBODY
#endif

/* This try has failed; what was sent may still be judged. */
inline fail() {
  doing = Idle;
  address = NOBODY;
  index = 0;
  queue[0].awaited = false;
  queue[1].awaited = false;
  DOUBT
}

inline send() {
  queue[queued].seq = SEQ(NUMBER);
  queue[queued].number = (SAYS_NUMBER -> NUMBER : NONE);
  queue[queued].more = (index < size - 1);
  queue[queued].awaited = true;
  queue[queued].means = NUMBER;
  queued++;
  doing = Awaiting
}

/* --- receiver's rules --- */

/* Producers.get, or add. */
inline load() {
  if
  :: knows
  :: else ->
    knows = true;
    last = store[opened].last;
    before = last;
    batch = 0;
#ifdef TRUST_STORE
    next = (last == NONE -> NONE : last + 1)
#else
    next = NONE
#endif
  fi
}

/* numberOf; NONE: it cannot be known. */
byte number;
#define WINDOW (MODULUS / 2)
#define AHEAD ((frame.seq + MODULUS - last % MODULUS) % MODULUS)
inline readNumber() {
  if
  :: frame.number != NONE -> number = frame.number
#ifdef NEAREST
  :: frame.number == NONE && last == NONE -> number = frame.seq
  :: frame.number == NONE && last != NONE && AHEAD < WINDOW -> number = last + AHEAD
  :: frame.number == NONE && last != NONE && AHEAD >= WINDOW ->
    number = (last + AHEAD < MODULUS -> 0 : last + AHEAD - MODULUS)
#else
  :: frame.number == NONE && frame.seq == 0 -> number = 0
  :: frame.number == NONE && frame.seq != 0 && next != NONE && SEQ(next) == frame.seq ->
    number = next
#endif
  :: else -> number = NONE
  fi
}

#ifdef NO_REPEATS
#define IS_REPEAT false
#else
#define IS_REPEAT (last != NONE && number <= last)
#endif

inline abandon() {
#ifndef KEEP_NEXT
  next = NONE;
#endif
  last = (batch != 0 -> before : last);
  batch = 0
}

inline forgetProducer() {
  knows = false;
  last = NONE;
  before = NONE;
  next = NONE;
  batch = 0
}

inline commit() {
  printf("  stores %d, last %d\n", batch, last);
  assert((store[opened].has & batch) == 0); /* never twice */
  store[opened].has = store[opened].has | batch;
#ifndef MEMORY_ONLY
  store[opened].last = (batch != 0 -> last : store[opened].last);
#endif
  batch = 0
}

/* Intake.#take; `objects`: to this frame, if it is new, or to its batch. */
bool accepts;
inline judge(objects) {
  load();
  readNumber();
  printf("%d judges message %d (seq %d): number %d, last %d\n", incarnation, frame.means, frame.seq, number, last);
  accepts = true;
  if
  :: number == NONE -> accepts = false
  :: number != NONE && IS_REPEAT -> skip
  :: else ->
    before = (batch == 0 -> last : before);
    batch = batch | (1 << frame.means);
    last = number;
    accepts = !objects
  fi;
  if
  :: accepts && !frame.more && batch != 0 && objects -> accepts = false
  :: accepts && !frame.more && !(batch != 0 && objects) -> commit()
  :: else
  fi;
  if
  :: accepts -> next = number + 1
  :: else -> abandon()
  fi;
  number = 0
}

inline shift() {
  queued--;
  queue[0].seq = queue[1].seq; queue[1].seq = 0;
  queue[0].number = queue[1].number; queue[1].number = NONE;
  queue[0].more = queue[1].more; queue[1].more = false;
  queue[0].awaited = queue[1].awaited; queue[1].awaited = false;
  queue[0].means = queue[1].means; queue[1].means = 0
}

inline answer() {
  if
  :: frame.awaited && !accepts -> printf("  refused\n"); shift(); fail()
  :: frame.awaited && accepts && frame.more -> index++; doing = Sending; shift()
  :: frame.awaited && accepts && !frame.more ->
    printf("producer: %d..%d confirmed\n", first, first + size - 1);
    assert((store[opened].has & GROUP) == GROUP); /* told accepted: it is there */
    known = address;
    first = first + size; size = 0; index = 0; address = NOBODY; doing = Idle;
    shift()
  :: else -> shift()
  fi;
  accepts = false
}

inline kill() {
  printf("%d is killed\n", incarnation);
  kills--;
  up = false;
  accepts = false;
  forgetProducer();
  if :: queued > 0 -> shift() :: else fi;
  if :: queued > 0 -> shift() :: else fi
}

inline open(s) {
  up = true;
  opened = s;
  incarnation++;
  printf("%d opens store %d (has %d, last %d)\n", incarnation, s, store[s].has, store[s].last)
}

proctype Producer() {
  do
  :: ALL_DONE -> break
  :: d_step { doing == Idle && size == 0 && !ALL_DONE -> size = 1 }
  :: d_step { doing == Idle && size == 0 && first + MAX_GROUP <= MESSAGES -> size = MAX_GROUP }
  :: d_step { doing == Idle && size != 0 && up ->
      address = incarnation;
      index = 0;
      doing = Sending;
      printf("producer sends %d..%d to %d (known to %d)\n", first, first + size - 1, address, known)
    }
  /* To whoever has the address: a broker may be started again in the same process. */
  :: d_step { doing == Sending && up && queued < QUEUE -> send() }
  :: d_step { doing == Sending && (!up || incarnation != address) -> fail() }
  :: d_step { doing == Awaiting && queued == 0 -> fail() } /* the broker was killed */
  :: d_step { doing == Sending && failures > 0 -> failures--; printf("producer: not sent\n"); fail() }
  :: d_step { doing == Awaiting && failures > 0 -> failures--; printf("producer: no answer\n"); fail() }
  :: d_step { doing == Idle && size != 0 && giveUps > 0 ->
      printf("producer gives up %d..%d\n", first, first + size - 1);
      giveUps--;
      first = first + size;
      size = 0;
      DOUBT
    }
  od
}

proctype Broker() {
  do
  :: ALL_DONE -> break
  :: d_step { up && queued > 0 -> judge(false); answer() }
  :: d_step { up && queued > 0 && refusals > 0 -> refusals--; judge(true); answer() }
  /* before it answers */
  :: d_step { up && queued > 0 && kills > 0 -> judge(false); kill() }
  :: d_step { up && kills > 0 && !ALL_DONE -> kill() }
  :: d_step { !up && !ALL_DONE -> open(0) }
  :: d_step { !up && !ALL_DONE -> open(1) }
  /* a new one, or one in memory */
  :: d_step { !up && !ALL_DONE -> store[1].has = 0; store[1].last = NONE; open(1) }
  :: d_step { !up && !ALL_DONE && copied && backups > 0 ->
      printf("put back from the copy:\n");
      backups--;
      store[0].has = copy.has;
      store[0].last = copy.last;
      open(0)
    }
  od
}

proctype World() {
  do
  :: ALL_DONE -> break
  :: d_step { !copied && backups > 0 && store[0].has != 0 && !ALL_DONE ->
      printf("store 0 is copied\n");
      copied = true;
      copy.has = store[0].has;
      copy.last = store[0].last
    }
  :: d_step { up && others > 0 && batch != 0 -> others--; printf("a frame of another producer\n"); abandon() }
  :: d_step { up && evictions > 0 && knows && batch == 0 && !ALL_DONE ->
      printf("the broker forgets the producer\n");
      evictions--;
      forgetProducer()
    }
  od
}

init {
  atomic { run Producer(); run Broker(); run World() }
}
