/*
 * The echo protocol, bit by bit: docs/protocol.md sections 4 to 6. What is kept, what is left out and why
 * that is sound: README.md beside this file. `npm run model` runs it.
 *
 * Bounds, each can be set with -D:
 */
#ifndef MESSAGES
#define MESSAGES 2 /* that peer 0 sends to peer 1 */
#endif
#ifndef BACK
#define BACK 0 /* that peer 1 sends to peer 0 */
#endif
#ifndef FOREIGN
#define FOREIGN 1 /* signals from strangers, at any moment, to either peer, by kill or by tgkill */
#endif
#ifndef STOPS
#define STOPS 1 /* times that a peer is stopped (SIGSTOP), at any moment, and continued */
#endif
#ifndef DELAYS
#define DELAYS 1 /* times that a peer which runs takes longer for a bit than others have patience */
#endif
#ifndef CRASHES
#define CRASHES 1 /* times that a peer is killed, at any moment, and started again */
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 1 /* messages that a sender gives up for good (a timeout of its user) */
#endif

/*
 * A byte has 4 bits here, not 8, a reason 3, not 4; a frame is a mark, a body and the zero byte. Like in
 * the real thing a reason is shorter than a byte, the mark starts with zeros and ends with a one, and
 * there are frames with pairs (0 then 1 within a byte) and frames that end in many zeros.
 */
#define BYTE 4
#define REASON_BITS 3
#define FRAME_BITS 12
#define MAX_BYTES 2 /* of a frame, zero byte not counted */
/* Bit 0 is sent first: 0001 1000 0000 and 0001 0101 0000. */
#define FRAME(m) ((m) % 2 == 0 -> 24 : 168)
#define BIT(m, i) ((FRAME(m) >> (i)) & 1)
#define EMPTY_FRAME_BITS 4
#define MAX_ZEROS 12
/* A frame that no receiver accepts: one byte of ones, which UTF-8 does not have. */
#define TEST_BITS 8
#define TEST_BIT(i) ((i) < BYTE -> 1 : 0)
#ifdef NO_PROOF
#define PROVES false
#else
#define PROVES true
#endif
#define MODULUS 4
#define WINDOW 2
#define IS_REPEAT(seq, last) ((last) != NONE && ((last) - (seq) + MODULUS) % MODULUS < WINDOW)

/* Reasons; every code has two ones or more. */
#define DAMAGED 3
#define TOO_LARGE 5
#define EMPTY 7
#define IS_REASON(code) ((code) == 3 || (code) == 5 || (code) == 6 || (code) == 7)

#define NONE 15

/* FrameSender, Synchroniser (frame-sender.ts, synchroniser.ts), and Transmitter and Outbound around them. */
mtype = { Resting, Holding, Quiet, Zeroing, Proving, Sending, Awaiting, Reading }
/* FrameReceiver (frame-receiver.ts). */
mtype = { Receiving, Judging, Refusing }

/* What is due on the wire (wire.ts): an echo, or bits of the own transfer before and after the look at
 * the clock that exchange.c does before it sends. */
mtype = { Nothing, Echo, Due, Checked }
#define PAIR 2

/* Where a pending signal comes from. */
#define PEER 1
#define FOREIGNER 2

typedef Process {
  /* Pending: of the main thread (tgkill) by number; of the process (kill), always from strangers. */
  byte thread[2];
  bool process[2];
  mtype wire = Nothing;
  byte bits;
  bool stopped;
  bool paused; /* its clock will tell that it has stood still */

  mtype out = Resting;
  mtype reads = Sending; /* whose refusal is Reading about: Zeroing, Proving, Sending */
  byte index;   /* bits echoed; zeros echoed, when syncing */
  byte sent;
  bool moved;   /* an echo of this transfer has come */
  byte code;
  byte reasonBits;
  bool outOfStep;

  byte message; /* which one is sent */
  byte epoch;

  mtype in = Receiving;
  byte length;
  short frame;
  byte reason;
  byte reasonSent;
  bool storing; /* the verdict is on its way; a crash before that loses the message */
  byte kept;    /* which message, and under which name of its sender; */
  byte keptEpoch;
  bool answers; /* the verdict is about the frame that the decoder holds */
};

Process proc[2];

/* The bus (section 5): who has the lock (1 + peer, 0 nobody), whose PID the record has. */
byte lock;
byte record = NONE;

/* The receiver's store: survives a crash. `last` per process and epoch of the sender. */
typedef Store {
  byte stored[3];
  byte last[2];
};
Store store[2]; /* by sender */
bool confirmed[6];
/* Ghost: the message whose frame was begun last, by sender. */
byte begun[2];
byte begunEpoch[2];

byte foreign = FOREIGN;
byte stops = STOPS;
byte delays = DELAYS;
byte crashes = CRASHES;
byte giveUps = GIVE_UPS;

#define me proc[p]
#define peer proc[1 - p]
#define COUNT(p) ((p) == 0 -> MESSAGES : BACK)
#define TRANSFERS(x) (proc[x].out != Resting && proc[x].out != Holding && proc[x].out != Quiet)
#define PENDING_FROM_PEER(x) (proc[x].thread[0] == PEER || proc[x].thread[1] == PEER)
#define PENDING(x) (proc[x].thread[0] || proc[x].thread[1] || proc[x].process[0] || proc[x].process[1])
/* A signal of the peer is still to come. */
#define IN_FLIGHT (peer.wire != Nothing || peer.in == Judging || PENDING_FROM_PEER(p))
#define STALLED (!IN_FLIGHT && !PENDING(p) && !PENDING(1 - p))
#define ALL_DONE (proc[0].message == MESSAGES && proc[1].message == BACK)

inline raise(target, signal) {
  if
  :: target.thread[signal] == 0 -> target.thread[signal] = PEER
  :: else -> printf("  merged with a pending one\n")
  fi
}

inline release() {
  if
  :: lock == 1 + p -> lock = 0
  :: else
  fi
}

inline rest() {
  me.out = Resting;
  me.index = 0;
  me.sent = 0;
  me.moved = false;
  me.code = 0;
  me.reasonBits = 0;
  release()
}

inline giveUp() {
  printf("%d gives its frame up\n", p);
  me.outOfStep = true;
  rest()
}

/* Outbound, Wire.start: bits go on the wire. */
inline due(d) {
  me.wire = Due;
  me.bits = d;
}

inline nextBits() {
  due(BIT(me.message, me.sent));
  me.sent++;
  if
  :: me.bits == 0 && me.sent % BYTE != 0 && BIT(me.message, me.sent) == 1 -> me.bits = PAIR; me.sent++
  :: else
  fi;
  me.out = (me.index == FRAME_BITS - 1 -> Awaiting : Sending)
}

inline beginFrame() {
  me.index = 0;
  me.sent = 0;
  me.moved = false;
  begun[p] = me.message;
  begunEpoch[p] = me.epoch;
  printf("%d begins message %d\n", p, me.message);
  nextBits()
}

/* What ends a transfer in which this process stood still is not believed. */
#ifdef BELIEVE_LATE
#define DOUBTED false
#else
#define DOUBTED me.paused
#endif

inline accepted() {
  if
  :: DOUBTED -> giveUp()
  :: else ->
    printf("%d: message %d confirmed\n", p, me.message);
    assert(store[p].stored[me.message] == 1); /* told accepted: it is there */
    confirmed[p * 3 + me.message] = true;
    me.message++;
    rest()
  fi
}

inline synchronise() {
  me.index = 0;
  me.moved = false;
  me.out = Zeroing;
  due(0)
}

inline clear() {
  me.reads = Sending;
  me.index = 0;
  me.moved = false;
  me.code = 0;
  me.reasonBits = 0
}

inline inStep() {
  me.outOfStep = false;
  clear();
  beginFrame()
}

inline readReason(r) {
  me.code = me.code | (r << me.reasonBits);
  me.reasonBits++;
  if
  :: me.reasonBits < REASON_BITS -> due(0)
  :: else ->
    if
    :: DOUBTED -> giveUp()
    :: else ->
    if
    :: me.reads == Zeroing && me.index == EMPTY_FRAME_BITS && me.code == EMPTY && !PROVES ->
      inStep()
    :: me.reads == Zeroing && me.index == EMPTY_FRAME_BITS && me.code == EMPTY && PROVES ->
      me.out = Proving; clear(); due(1)
    :: me.reads == Proving && me.index == TEST_BITS - 1 && me.code == DAMAGED &&
      !PENDING_FROM_PEER(p) -> inStep()
    :: me.reads == Sending && IS_REASON(me.code) -> rest() /* again, under the same number */
    :: me.reads == Sending && !IS_REASON(me.code) -> giveUp()
    :: else -> me.out = Quiet; clear()
    fi
    fi
  fi
}

inline read(why) {
  me.reads = why;
  me.out = Reading;
  due(0)
}

inline onEcho(e) {
  me.moved = true;
  if
  :: me.out == Reading -> readReason(e)
  :: me.out == Zeroing ->
    me.index++;
    if
    :: e == 1 -> read(Zeroing)
    :: else ->
      if
      :: me.index > MAX_ZEROS -> me.out = Quiet; clear()
      :: else -> due(0)
      fi
    fi
  :: me.out == Proving ->
    if
    :: e != TEST_BIT(me.index) -> read(Proving)
    :: else ->
      me.index++;
      if
      :: me.index == TEST_BITS -> me.out = Quiet; clear()
      :: else -> due(TEST_BIT(me.index))
      fi
    fi
  :: else -> /* Sending, Awaiting */
    if
    :: e != BIT(me.message, me.index) -> read(Sending)
    :: else ->
      me.index++;
      if
      :: me.index == FRAME_BITS -> accepted()
      :: me.index < FRAME_BITS && me.index < me.sent ->
        me.out = (me.index == FRAME_BITS - 1 -> Awaiting : Sending)
      :: else -> nextBits()
      fi
    fi
  fi
}

inline echo(c) {
  me.wire = Echo;
  me.bits = c;
}

inline refuse(f, why) {
  me.length = 0;
  me.frame = 0;
  me.in = Refusing;
  me.reason = why;
  me.reasonSent = 0;
  echo(1 - f)
}

inline forget() {
  me.answers = false;
  me.in = Receiving;
  me.length = 0;
  me.frame = 0;
  me.reason = 0;
  me.reasonSent = 0;
}

inline push(g) {
  me.frame = me.frame | (g << me.length);
  me.length++;
  if
  :: me.length % BYTE != 0 -> echo(g)
  :: else ->
    if
    :: (me.frame >> (me.length - BYTE)) == 0 ->
      if
      :: me.length == BYTE -> refuse(g, EMPTY)
      :: else -> me.in = Judging
      fi
    :: else ->
      if
      :: me.length == (MAX_BYTES + 1) * BYTE -> refuse(g, TOO_LARGE)
      :: else -> echo(g)
      fi
    fi
  fi
}

inline onBit(h) {
  assert(COUNT(1 - p) > 0); /* an echo is never taken for a bit */
  if
  :: me.in == Refusing && h == 0 ->
    echo((me.reason >> me.reasonSent) & 1);
    me.reasonSent++;
    if
    :: me.reasonSent == REASON_BITS -> forget()
    :: else
    fi
  :: me.in == Judging -> forget() /* it gave up waiting; no echo */
  :: else ->
    if
    :: me.in == Refusing -> forget()
    :: else
    fi;
    push(h)
  fi
}

/* Nobody else has had the bus since this process took it: it takes no bits. */
#if BACK > 0 && !defined(TAKES_ALWAYS)
#define STRAY (record == p)
#else
#define STRAY false
#endif

/* Pump.#onSignal for a signal of the peer. */
inline onSignal(i) {
  if
  :: TRANSFERS(p) -> onEcho(i)
  :: !TRANSFERS(p) && me.outOfStep && record != 1 - p -> skip /* a late echo */
  :: !TRANSFERS(p) && !(me.outOfStep && record != 1 - p) && STRAY -> me.outOfStep = true
  :: else -> onBit(i)
  fi
}

/* The sender's number is that of its message. */
#define SEQ(s) (begun[s] % MODULUS)
#define LAST(s) store[s].last[begunEpoch[s]]
#define INTACT(s) (begun[s] != NONE && me.length == FRAME_BITS && me.frame == FRAME(begun[s]))

#ifdef NO_CHECKSUM
#define SEEMS_INTACT true
#else
#define SEEMS_INTACT INTACT(1 - p)
#endif

inline commit(w) {
  printf("%d stores message %d of %d\n", p, me.kept, w);
  store[w].stored[me.kept]++;
  assert(store[w].stored[me.kept] == 1); /* never twice */
  if
  :: me.keptEpoch != NONE -> store[w].last[me.keptEpoch] = me.kept % MODULUS
  :: else
  fi;
  me.kept = 0;
  me.keptEpoch = 0
}

/* Everything that refers to a process that is no more. */
inline crash(y) {
  printf("%d is killed and started again\n", y);
  proc[y].thread[0] = 0; proc[y].thread[1] = 0; proc[y].process[0] = 0; proc[y].process[1] = 0;
  proc[y].wire = Nothing; proc[y].bits = 0; proc[y].paused = false; proc[y].stopped = false;
  proc[y].out = Resting; proc[y].reads = Sending; proc[y].index = 0; proc[y].sent = 0;
  proc[y].moved = false; proc[y].code = 0; proc[y].reasonBits = 0; proc[y].outOfStep = false;
  proc[y].epoch = 0;
  proc[y].in = Receiving; proc[y].length = 0; proc[y].frame = 0; proc[y].reason = 0;
  proc[y].reasonSent = 0; proc[y].storing = false; proc[y].answers = false; proc[y].kept = 0; proc[y].keptEpoch = 0;
  store[y].last[0] = NONE; store[y].last[1] = NONE; /* the new process has another name */
  if
  :: proc[y].message < COUNT(y) && begun[y] == proc[y].message -> proc[y].message++
  :: else
  fi;
  if
  :: lock == 1 + y -> lock = 0
  :: else
  fi;
  if
  :: proc[1 - y].storing -> proc[1 - y].keptEpoch = NONE
  :: else
  fi;
  /* What it sent is still pending there, from a PID that nobody has. */
  if :: proc[1 - y].thread[0] == PEER -> proc[1 - y].thread[0] = FOREIGNER :: else fi;
  if :: proc[1 - y].thread[1] == PEER -> proc[1 - y].thread[1] = FOREIGNER :: else fi;
  proc[1 - y].answers = false;
  proc[1 - y].in = Receiving; proc[1 - y].length = 0; proc[1 - y].frame = 0;
  proc[1 - y].reason = 0; proc[1 - y].reasonSent = 0;
  proc[1 - y].wire = Nothing; proc[1 - y].bits = 0;
  proc[1 - y].out = Resting; proc[1 - y].reads = Sending; proc[1 - y].index = 0;
  proc[1 - y].sent = 0; proc[1 - y].moved = false; proc[1 - y].code = 0;
  proc[1 - y].reasonBits = 0; proc[1 - y].outOfStep = false;
  if
  :: lock == 2 - y -> lock = 0
  :: else
  fi
}

#define HOLDS (lock == 1 + p)
/* Bits of a frame to this process are not echoes of its own. */
#ifdef TAKES_LATER
#define HAS_TAKEN true
#else
#define HAS_TAKEN (!PENDING_FROM_PEER(p))
#endif
#ifdef GO_ON
#define MAY_GO_ON HOLDS
#else
#define MAY_GO_ON (HOLDS && !me.moved)
#endif
/* What is left out of the runs in which both send: README.md, *Both directions*. */
#if BACK > 0
#define HAS_ECHOED (peer.wire != Echo)
#define WOULD_HAVE_TAKEN (peer.stopped || peer.paused || (!PENDING_FROM_PEER(1 - p) && HAS_ECHOED))
#define MAY_STOP(t) (proc[t].wire != Checked)
#else
#define HAS_ECHOED true
#define WOULD_HAVE_TAKEN true
#define MAY_STOP(t) true
#endif
#define UNFINISHED (me.in == Refusing || (me.in == Receiving && me.length > 0))
/* The peer has given up a frame to this process, which has the bus: it may take an echo, which is late, for a bit. */
#ifdef ECHO_LATE
#define LOOKS_AMISS false
#else
#define LOOKS_AMISS (UNFINISHED || me.in == Judging || peer.thread[0] != 0 || peer.thread[1] != 0)
#endif
/* What it has of the frame it forgets, unless that is the frame of who has taken the bus from it. */
#ifdef DROP_ANYWAY
#define MAY_DROP true
#else
#define MAY_DROP HOLDS
#endif
#define HAS_BEEN_SILENT ((!TRANSFERS(1 - p) || peer.stopped || peer.paused) && !PENDING_FROM_PEER(p) && \
  WOULD_HAVE_TAKEN && (me.out != Holding || me.paused))
#ifdef FORGET_MIDWAY
#define MAY_FORGET true
#else
#define MAY_FORGET (me.reasonSent == 0)
#endif

/* exchange.c, send_run: has this process stood still? Then Pump asks Outbound whether to go on. */
inline look() {
  if
  :: me.paused && MAY_GO_ON -> me.paused = false; me.wire = Checked
  :: me.paused && !MAY_GO_ON -> me.wire = Nothing; me.bits = 0; giveUp()
  :: else -> me.wire = Checked
  fi
}

inline send() {
  printf("%d sends %d (%e)\n", p, me.bits, me.out);
  if
  :: me.bits == PAIR -> raise(peer, 0); raise(peer, 1)
  :: else -> raise(peer, me.bits)
  fi;
  me.wire = Nothing;
  me.bits = 0
}

proctype Peer(bit p) provided (!proc[p].stopped) {
  byte b;
  do
  :: ALL_DONE -> break
  /* --- the wire --- */
  :: d_step { me.wire == Echo ->
      printf("%d echoes %d\n", p, me.bits);
      raise(peer, me.bits);
      me.wire = Nothing; me.bits = 0
    }
  :: d_step { me.wire == Due -> look() }
  :: d_step { me.wire == Checked -> send() }

  /* --- the kernel hands out the lower number first, from either set --- */
  :: d_step { me.wire == Nothing && me.process[0] -> me.process[0] = false }
  :: d_step { me.wire == Nothing && !me.process[0] && me.process[1] -> me.process[1] = false }
  :: d_step { me.wire == Nothing && (me.thread[0] != 0 || me.thread[1] != 0) ->
      b = (me.thread[0] != 0 -> 0 : 1);
      if
      :: me.thread[b] == PEER ->
        printf("%d takes %d (%e, %e %d)\n", p, b, me.out, me.in, me.length);
        me.thread[b] = 0;
        onSignal(b)
      :: else -> printf("%d takes a stranger's %d\n", p, b); me.thread[b] = 0
      fi;
      b = 0
    }

  /* --- sending --- */
  :: d_step { me.out == Resting && me.message < COUNT(p) && me.wire == Nothing &&
        (lock == 0 || (lock == 2 - p && peer.stopped)) ->
      lock = 1 + p;
      record = p;
      me.paused = false;
      me.out = Holding
    }
  :: d_step { me.out == Holding && me.wire == Nothing && HAS_TAKEN && HAS_ECHOED ->
      if
      :: LOOKS_AMISS && !MAY_DROP -> rest()
      :: LOOKS_AMISS && MAY_DROP -> forget(); me.outOfStep = true; me.out = Quiet
#ifndef NO_SYNC
      :: !LOOKS_AMISS && me.outOfStep -> me.out = Quiet
#endif
      :: else -> me.outOfStep = false; beginFrame()
      fi
    }
  /* Nothing is pending there, and every echo has come or been waited for long enough. */
  :: d_step { me.out == Quiet && me.wire == Nothing && !peer.stopped && !PENDING(1 - p) &&
        !IN_FLIGHT -> synchronise()
    }
  :: d_step { me.out == Quiet && me.wire == Nothing && !peer.stopped && !PENDING(1 - p) &&
        IN_FLIGHT && delays > 0 -> delays--; synchronise()
    }
  /* Patience is over. */
  :: d_step { TRANSFERS(p) && me.wire == Nothing && (STALLED || peer.stopped) -> giveUp() }
  :: d_step { TRANSFERS(p) && me.wire == Nothing && !STALLED && !peer.stopped && delays > 0 ->
      delays--;
      giveUp()
    }
  /* The user's patience is over. */
  :: d_step { me.out == Resting && begun[p] == me.message && me.message < COUNT(p) && giveUps > 0 &&
        me.wire == Nothing ->
      giveUps--;
      me.message++;
      me.epoch++
    }

  /* --- judging --- */
  :: d_step { me.in == Judging && !me.storing ->
      if
      :: SEEMS_INTACT ->
        assert(INTACT(1 - p)); /* never altered */
        if
#ifndef NO_SEQUENCE
        :: IS_REPEAT(SEQ(1 - p), LAST(1 - p)) -> forget(); echo(0)
#endif
        :: else -> me.storing = true; me.kept = begun[1 - p]; me.keptEpoch = begunEpoch[1 - p];
          me.answers = true
        fi
      :: else -> refuse(0, DAMAGED)
      fi
    }
  :: d_step { me.storing && me.wire == Nothing ->
      me.storing = false;
      commit(1 - p);
      if
      :: me.in == Judging && me.answers -> forget(); echo(0)
      :: else
      fi
    }

  /* --- forgetting --- */
  /* No bit for 2 s: the sender has given up, or stands still. */
  :: d_step { UNFINISHED && me.wire == Nothing && HAS_BEEN_SILENT -> forget() }
#ifdef LAZY_DROP
  :: d_step { UNFINISHED && me.wire == Nothing && delays > 0 -> delays--; forget() }
#endif
  /* No question for a reason within 100 ms. */
  :: d_step { me.in == Refusing && me.wire == Nothing && delays > 0 && MAY_FORGET ->
      delays--; forget()
    }
  od
}

inline stranger(target, signal) {
  foreign > 0 && !ALL_DONE ->
  printf("a stranger sends %d\n", signal);
  foreign--;
  if
  :: target.thread[signal] == 0 -> target.thread[signal] = FOREIGNER
  :: else
  fi
}

inline stop(t) {
  printf("%d is stopped\n", t);
  proc[t].stopped = true
}

inline proceed(t) {
  printf("%d is continued\n", t);
  proc[t].stopped = false;
  proc[t].paused = (proc[t].out != Resting)
}

proctype World() {
  do
  :: d_step { ALL_DONE -> proc[0].stopped = false; proc[1].stopped = false }; break
  :: d_step { stranger(proc[0], 0) }
  :: d_step { stranger(proc[0], 1) }
  :: d_step { stranger(proc[1], 0) }
  :: d_step { stranger(proc[1], 1) }
  :: d_step { foreign > 0 && !ALL_DONE -> foreign--; proc[0].process[0] = true }
  :: d_step { foreign > 0 && !ALL_DONE -> foreign--; proc[0].process[1] = true }
  :: d_step { foreign > 0 && !ALL_DONE -> foreign--; proc[1].process[0] = true }
  :: d_step { foreign > 0 && !ALL_DONE -> foreign--; proc[1].process[1] = true }
  :: d_step { stops > 0 && !ALL_DONE && !proc[0].stopped && MAY_STOP(0) -> stops--; stop(0) }
  :: d_step { stops > 0 && !ALL_DONE && !proc[1].stopped && MAY_STOP(1) -> stops--; stop(1) }
  :: d_step { proc[0].stopped -> proceed(0) }
  :: d_step { proc[1].stopped -> proceed(1) }
  :: d_step { crashes > 0 && !ALL_DONE -> crashes--; crash(0) }
  :: d_step { crashes > 0 && !ALL_DONE -> crashes--; crash(1) }
  od
}

init {
  d_step {
    store[0].last[0] = NONE; store[0].last[1] = NONE;
    store[1].last[0] = NONE; store[1].last[1] = NONE;
    begun[0] = NONE; begun[1] = NONE
  }
  atomic { run Peer(0); run Peer(1); run World() }
}
