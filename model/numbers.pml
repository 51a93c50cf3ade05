/*
 * The numbers of producers' frames: docs/protocol.md section 6, Sequence and Batches. What is kept, what is left
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
#define OTHERS 1 /* frames of another producer between ours */
#endif
#ifndef EVICTIONS
#define EVICTIONS 1 /* times that the broker forgets a producer: it has the newest 4096 in memory */
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 1 /* frames that the user gives up */
#endif

#define MODULUS 4 /* 128 */
#define MAX_FRAME 2 /* messages in a frame: 256 */
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
byte next = NONE;

/* What the broker has and has not judged: its store may take longer than a producer waits. */
typedef Frame {
  byte seq;
  byte number = NONE; /* the field */
  bool awaited; /* the producer still waits for the answer */
  byte means /* which messages it has, as bits */
};
#define QUEUE 2
Frame queue[QUEUE];
byte queued;
#define frame queue[0]

/* Outbox, GroupSender (outbox.ts, group-sender.ts), and Endpoint.numbered. */
mtype = { Idle, Sending, Awaiting }
mtype doing = Idle;
byte first; /* message of the frame */
byte size; /* messages in the frame; 0: the next one is not made yet */
byte mine; /* number of the frame */
byte address = NOBODY; /* the incarnation that broker.json had for this try */
byte known = NOBODY; /* the incarnation that has confirmed the frame before */
bool refused; /* the broker has refused the frame, */
bool doubtful; /* and an earlier try of it was not answered */

byte failures = FAILURES;
byte kills = KILLS;
byte backups = BACKUPS;
byte refusals = REFUSALS;
byte others = OTHERS;
byte evictions = EVICTIONS;
byte giveUps = GIVE_UPS;

#define ALL_DONE (first == MESSAGES)
#define FRAME (((1 << size) - 1) << first)

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
#define SAYS_NUMBER (mine >= MODULUS && address != known)
#else
#define SAYS_NUMBER (mine > 0 && address != known)
#endif

#ifdef KEEP_KNOWN
#define DOUBT skip
#else
#define DOUBT known = NOBODY
#endif

#ifdef REUSE_NUMBER
#define NEW_NUMBER skip
#else
#define NEW_NUMBER mine++
#endif

#ifdef SPLIT_IN_DOUBT
#define MAY_SPLIT (refused && size > 1)
#else
#define MAY_SPLIT (refused && !doubtful && size > 1)
#endif

/* This try has failed; what was sent may still be judged. */
inline fail() {
  doing = Idle;
  address = NOBODY;
  queue[0].awaited = false;
  queue[1].awaited = false;
  DOUBT
}

inline send() {
  queue[queued].seq = SEQ(mine);
  queue[queued].number = (SAYS_NUMBER -> mine : NONE);
  queue[queued].awaited = true;
  queue[queued].means = FRAME;
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

inline forgetProducer() {
  knows = false;
  last = NONE;
  next = NONE
}

/* All messages of the frame, and its number, or nothing. */
inline commit() {
  printf("  stores %d, last %d\n", frame.means, number);
  assert((store[opened].has & frame.means) == 0); /* never twice */
  store[opened].has = store[opened].has | frame.means;
#ifndef MEMORY_ONLY
  store[opened].last = number;
#endif
  last = number
}

/* Intake.#take; `objects`: to this frame, if it is new. */
bool accepts;
inline judge(objects) {
  load();
  readNumber();
  printf("%d judges %d (seq %d): number %d, last %d\n", incarnation, frame.means, frame.seq, number, last);
  next = NONE;
  if
  :: number == NONE -> accepts = false
  :: number != NONE && IS_REPEAT -> accepts = true
  :: number != NONE && !IS_REPEAT && objects ->
    accepts = false;
#ifdef REFUSED_COUNTS
    last = number
#endif
  :: else -> commit(); accepts = true
  fi;
  next = (accepts -> number + 1 : NONE);
  number = 0
}

/* Messages of a frame that are stored one by one: the broker is killed after the first. */
inline storeHalf() {
  load();
  readNumber();
  if
  :: number != NONE && !IS_REPEAT ->
    store[opened].has = store[opened].has | (frame.means & ~(frame.means << 1));
    store[opened].last = number
  :: else
  fi;
  number = 0
}

inline shift() {
  queued--;
  queue[0].seq = queue[1].seq; queue[1].seq = 0;
  queue[0].number = queue[1].number; queue[1].number = NONE;
  queue[0].awaited = queue[1].awaited; queue[1].awaited = false;
  queue[0].means = queue[1].means; queue[1].means = 0
}

/* Nothing is known of the next frame yet. */
inline newFrame() {
  size = 0;
  refused = false;
  doubtful = false;
  NEW_NUMBER
}

inline answer(isRefused) {
  if
  :: frame.awaited && !accepts -> printf("  refused\n"); refused = refused || isRefused; shift(); fail()
  :: frame.awaited && accepts ->
    printf("producer: %d..%d confirmed\n", first, first + size - 1);
    assert((store[opened].has & FRAME) == FRAME); /* told accepted: it is there */
    known = address;
    first = first + size;
    address = NOBODY;
    doing = Idle;
    newFrame();
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
  :: d_step { doing == Idle && size == 0 && first + MAX_FRAME <= MESSAGES -> size = MAX_FRAME }
  :: d_step { doing == Idle && size != 0 && up ->
      address = incarnation;
      doing = Sending;
      printf("producer sends %d..%d to %d (known to %d)\n", first, first + size - 1, address, known)
    }
  /* To whoever has the address: a broker may be started again in the same process. */
  :: d_step { doing == Sending && up && queued < QUEUE -> send() }
  :: d_step { doing == Sending && (!up || incarnation != address) -> fail() }
  :: d_step { doing == Awaiting && queued == 0 -> doubtful = true; fail() } /* the broker was killed */
  :: d_step { doing == Sending && failures > 0 -> failures--; printf("producer: not sent\n"); fail() }
  :: d_step { doing == Awaiting && failures > 0 ->
      printf("producer: no answer\n"); failures--; doubtful = true; fail()
    }
  :: d_step { doing == Idle && size != 0 && giveUps > 0 ->
      printf("producer gives up %d..%d\n", first, first + size - 1);
      giveUps--;
      first = first + size;
      newFrame();
      DOUBT
    }
  /* One of its messages may be what the broker does not want: each goes in a frame of its own. */
  :: d_step { doing == Idle && MAY_SPLIT ->
      printf("producer sends each of %d..%d alone\n", first, first + size - 1);
      newFrame();
      size = 1;
      DOUBT
    }
  od
}

proctype Broker() {
  do
  :: ALL_DONE -> break
  :: d_step { up && queued > 0 -> judge(false); answer(false) }
  :: d_step { up && queued > 0 && refusals > 0 -> refusals--; judge(true); answer(true) }
  /* before it answers */
  :: d_step { up && queued > 0 && kills > 0 -> judge(false); kill() }
#ifdef ONE_BY_ONE
  :: d_step { up && queued > 0 && kills > 0 -> storeHalf(); kill() }
#endif
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

/* A frame that another producer sends: of number n - 1. */
#ifdef ONE_NEXT
#define OTHER_FRAME(n) next = n
#else
#define OTHER_FRAME(n) skip
#endif

proctype World() {
  do
  :: ALL_DONE -> break
  :: d_step { !copied && backups > 0 && store[0].has != 0 && !ALL_DONE ->
      printf("store 0 is copied\n");
      copied = true;
      copy.has = store[0].has;
      copy.last = store[0].last
    }
  :: d_step { up && others > 0 && !ALL_DONE -> others--; printf("another producer sends\n"); OTHER_FRAME(1) }
  :: d_step { up && others > 0 && !ALL_DONE -> others--; printf("another producer sends\n"); OTHER_FRAME(4) }
  :: d_step { up && evictions > 0 && knows && !ALL_DONE ->
      printf("the broker forgets the producer\n");
      evictions--;
      forgetProducer()
    }
  od
}

init {
  atomic { run Producer(); run Broker(); run World() }
}
