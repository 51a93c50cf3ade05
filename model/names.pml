/*
 * The names of deliveries: docs/protocol.md section 7. What is kept, what is left out and why that is sound:
 * README.md beside this file. `npm run model` runs it.
 *
 * Bounds, each can be set with -D:
 */
#ifndef MESSAGES
#define MESSAGES 2 /* that producers send, to whichever store is open */
#endif
#ifndef IDS
#define IDS 2 /* of a store, 1 or 2 */
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
#define LOSSES 1 /* times that the ack-wait is over, or that another consumer takes a message and dies */
#endif
#ifndef FAILS
#define FAILS 1 /* times that the consumer says anything but done, or refuses a delivery */
#endif
#ifndef KICKS
#define KICKS 1 /* times that a dead message is kicked */
#endif

#define LAST (IDS - 1)
#define HANDS 3 /* messages that the consumer has at once */
#define INCARNATIONS (KILLS + 1)
#define DELIVERIES (LOSSES + FAILS + 1) /* of one message */

/* Incarnation, id, delivery number. */
#define EXACT(inc, i, d) ((((inc) - 1) * IDS + (i)) * DELIVERIES + (d) - 1)
#define NAMES (INCARNATIONS * IDS * DELIVERIES)
#define INCARNATION(name) ((name) / (IDS * DELIVERIES) + 1)
#define ID(name) (((name) / DELIVERIES) % IDS)
#define DELIVERY(name) ((name) % DELIVERIES + 1)
#if defined(NO_INCARNATION)
#define NAME(inc, i, d) EXACT(1, i, d)
#elif defined(NO_DELIVERY_NUMBER)
#define NAME(inc, i, d) EXACT(inc, i, 1)
#else
#define NAME(inc, i, d) EXACT(inc, i, d)
#endif
#define NOBODY 0 /* no incarnation */

/* messages (sqlite-schema.ts); delayed is ready, its time comes at once. */
mtype = { Absent, Ready, Reserved, Dead, Gone }
typedef Row {
  mtype state = Absent;
  byte deliveries; /* times that a consumer took it and it came back */
  byte incarnation; /* in which it was given out last */
  byte what; /* ghost: which message it is */
  byte given /* ghost: which delivery of it is next, or under way */
};
typedef Store {
  Row row[IDS]
};
Store store[2];
Store copy; /* of store 0, taken at some earlier time */
bool copied;

/* Broker: InFlight, EchoDeliveries, Reception. */
bool up;
byte incarnation; /* another one with each opening */
bit opened; /* which store */
byte told = NOBODY; /* what the consumer was told last and has understood */
bool owed[IDS]; /* is to be sent: new, or its answer is not known */

/* Handled (handled.ts): what the consumer has answered, and will, by the name that it knows. */
mtype = { New, InHand, Done, Failed, Returned, Buried }
mtype answer[NAMES] = New;
byte hand[HANDS]; /* Settler: 1 + name of what is in hand or to be settled */
byte heard = NOBODY; /* the incarnation that it was told last; */
byte heardFrom = NOBODY; /* by which broker */

/* Ghosts, by name: the delivery that was meant, 1 + exact name; which message was handled. */
byte meant[NAMES];
byte handled[NAMES];

byte messages = MESSAGES;
byte failures = FAILURES;
byte kills = KILLS;
byte backups = BACKUPS;
byte losses = LOSSES;
byte fails = FAILS;
byte kicks = KICKS;

/* The row that is looked at, and a ghost: the delivery of it that is under way. */
#define message store[opened].row[id]
#define THIS EXACT(message.incarnation, id, message.given + 1)
#define HAS(id, s) (up && store[opened].row[id].state == s)
#define ENDS(id) \
  (store[opened].row[id].state != Ready && store[opened].row[id].state != Reserved)
#define ALL_SENT (messages == 0 || store[opened].row[LAST].state != Absent)
#define IDLE (hand[0] == 0 && hand[1] == 0 && hand[2] == 0)
#define ALL_DONE (up && ALL_SENT && ENDS(0) && ENDS(LAST) && IDLE)
#define HAS_HAND (hand[0] == 0 || hand[1] == 0 || hand[2] == 0)
#define IN_HAND(name) (hand[0] == 1 + name || hand[1] == 1 + name || hand[2] == 1 + name)
#define HAS_HANDS ((hand[0] == 0) + (hand[1] == 0) + (hand[2] == 0) > 1)

/* --- the store (sqlite-settlement.ts) --- */

inline comesBack(s, counts) {
  printf("  message %d of store %d comes back: %e\n", id, opened, s);
  message.deliveries = message.deliveries + counts;
  message.given++;
  message.state = s;
  owed[id] = false
}

inline done() {
  printf("  message %d of store %d is done\n", id, opened);
  message.state = Gone;
  owed[id] = false
}

/* --- a delivery --- */

#ifdef TOLD_UNTIL_ANSWERED
#define FORGET_TOLD skip
#else
#define FORGET_TOLD told = NOBODY
#endif

inline takeInHand(name) {
  if
  :: IN_HAND(name) -> skip
  :: else ->
    if
    :: hand[0] == 0 -> hand[0] = 1 + name
    :: hand[0] != 0 && hand[1] == 0 -> hand[1] = 1 + name
    :: else -> assert(hand[2] == 0); hand[2] = 1 + name
    fi
  fi
}

/* Consumer.#judge; `how`: what its handler says at once, or InHand for later. */
byte name;
inline deliver(how) {
  if
  :: told != message.incarnation -> heard = message.incarnation
  :: told == message.incarnation && heardFrom != incarnation -> heard = NOBODY
  :: else
  fi;
  heardFrom = incarnation;
  FORGET_TOLD;
  assert(heard != NOBODY);
  name = NAME(heard, id, message.deliveries + 1);
  printf("%d delivers %d.%d.%d; the consumer knows it as of %d: %e\n", incarnation, message.incarnation, id,
    message.deliveries + 1, heard, answer[name]);
  if
  :: answer[name] == New ->
    assert(handled[THIS] == 0); /* never handled twice */
    handled[THIS] = message.what;
    meant[name] = 1 + THIS;
    answer[name] = how;
    if
    :: how == InHand -> takeInHand(name)
    :: else
    fi
  /* No answer says how it was settled: that is said again. */
  :: (answer[name] == Returned || answer[name] == Buried) && HAS_HAND -> takeInHand(name)
  :: else
  fi
}

/* EchoDeliveries: the answer is heard. */
inline hear() {
  assert(meant[name] == 1 + THIS); /* the answer is about this delivery */
  told = message.incarnation;
  if
  :: answer[name] == Done -> done()
  :: answer[name] == Failed -> comesBack(Ready, 1)
  :: else -> owed[id] = false
  fi;
  name = 0
}

inline missed() {
  printf("  no answer\n");
  failures--;
  name = 0
}

/* Both messages of the store in one frame. What the answer cannot say of both is settled for itself. */
byte other; /* the name of the first, while `name` is that of the second */
#ifdef FIRST_ANSWERS
#define SAYS_DONE (answer[other] == Done)
#else
#define SAYS_DONE (answer[other] == Done && answer[name] == Done)
#endif
inline deliverBoth(how0, how1) {
  id = 0; deliver(how0); other = name; id = LAST; deliver(how1);
  if
  :: SAYS_DONE -> skip
  :: else ->
    if
    :: answer[other] == Done || answer[other] == Failed -> takeInHand(other)
    :: else
    fi;
    if
    :: answer[name] == Done || answer[name] == Failed -> takeInHand(name)
    :: else
    fi
  fi
}

inline hearBoth() {
  assert(meant[name] == 1 + THIS);
  told = message.incarnation;
  if
  :: SAYS_DONE ->
    assert(answer[name] == Done); /* "done" of each of them */
    done(); id = 0; done()
  :: else -> owed[0] = false; owed[LAST] = false
  fi;
  other = 0;
  name = 0
}

/* The consumer takes nothing, and remembers nothing: untaken. */
inline refuse() {
  printf("%d delivers %d, and it is refused\n", incarnation, id);
  heard = (told != message.incarnation -> message.incarnation : (heardFrom == incarnation -> heard : NOBODY));
  heardFrom = incarnation;
  FORGET_TOLD;
  message.state = Ready;
  message.incarnation = NOBODY;
  owed[id] = false
}
#define KNOWS(id) \
  (answer[NAME(store[opened].row[id].incarnation, id, store[opened].row[id].deliveries + 1)] != New)

/* A bus that is lost, a consumer that is stopped: nothing has arrived, and nobody knows that. */
inline sendInVain() {
  printf("%d delivers %d to nobody\n", incarnation, id);
  failures--;
  FORGET_TOLD
}

/* --- a settlement --- */

#ifdef RETURN_UNCOUNTED
#define RETURN 0
#else
#define RETURN 1
#endif
#ifdef LATE_BY_NUMBER
#define IS_LAST(inc) true
#else
#define IS_LAST(inc) (message.incarnation == inc)
#endif

/* Settler.#tell, Reception.take, InFlight.settle; `current`: what broker.json had for this try. */
byte says;
byte names;
byte id;
inline settle(m, current) {
  id = ID(m);
#ifdef SETTLES_BY_TOLD
  says = (heardFrom == incarnation && heard == INCARNATION(m) -> NOBODY : INCARNATION(m));
  names = (says == NOBODY -> told : says);
#else
  says = (INCARNATION(m) == current -> NOBODY : INCARNATION(m));
  names = (says == NOBODY -> incarnation : says);
#endif
  printf("consumer settles %d.%d.%d (%e), %d takes it for one of %d\n", INCARNATION(m), id, DELIVERY(m), answer[m],
    incarnation, names);
  if
  :: message.state == Reserved && message.incarnation == names && message.deliveries + 1 == DELIVERY(m) ->
    assert(meant[m] == 1 + THIS); /* it means this delivery */
    if
    :: answer[m] == Done -> done()
    :: answer[m] == Failed -> comesBack(Ready, 1)
    :: answer[m] == Returned -> comesBack(Ready, RETURN)
    :: answer[m] == Buried -> comesBack(Dead, 1)
    fi
  :: message.state == Ready && IS_LAST(names) && message.deliveries == DELIVERY(m) && answer[m] == Done ->
    assert(handled[meant[m] - 1] == message.what); /* late: the message was handled */
    done()
  :: else -> printf("  unknown\n")
  fi;
  says = 0;
  names = 0;
  id = 0
}

/* What a broker knows among others: a late settlement is said alone. */
#define ROW(m) store[opened].row[ID(m)]
#define KNOWN(m) (ROW(m).state == Reserved && ROW(m).incarnation == INCARNATION(m) && \
  ROW(m).deliveries + 1 == DELIVERY(m))
#define TO_SETTLE(h) (hand[h] != 0 && answer[hand[h] - 1] != InHand)
/* Two in one frame: both, or none. */
#define BOTH_KNOWN(g, h) (up && TO_SETTLE(g) && TO_SETTLE(h) && ID(hand[g] - 1) != ID(hand[h] - 1) && \
  KNOWN(hand[g] - 1) && KNOWN(hand[h] - 1))
inline settleBoth(g, h) {
  n = hand[g] - 1; settle(n, incarnation);
  n = hand[h] - 1; settle(n, incarnation);
  n = 0
}

/* --- the world --- */

inline kill() {
  printf("%d is killed\n", incarnation);
  kills--;
  up = false;
  told = NOBODY;
  owed[0] = false;
  owed[LAST] = false;
  name = 0
}

inline open(s) {
  up = true;
  opened = s;
  incarnation++;
  owed[0] = (store[s].row[0].state == Reserved);
  owed[LAST] = (store[s].row[LAST].state == Reserved);
  printf("%d opens store %d\n", incarnation, s)
}

inline copyRow(from, to) {
  to.state = from.state;
  to.deliveries = from.deliveries;
  to.incarnation = from.incarnation;
  to.what = from.what;
  to.given = from.given
}

#define MAY_SEND (HAS(i, Reserved) && owed[i])
/* A row of the open store, and what the broker does with it. */
proctype Message(byte i) {
  do
  :: ALL_DONE -> break
  :: d_step { HAS(i, Absent) && messages > 0 && (i == 0 || store[opened].row[0].state != Absent) ->
      id = i;
      message.state = Ready;
      message.what = 1 + MESSAGES - messages;
      messages--;
      printf("store %d gets message %d: %d\n", opened, id, message.what);
      id = 0
    }
  :: d_step { HAS(i, Ready) ->
      id = i; message.state = Reserved; message.incarnation = incarnation; owed[id] = true; id = 0
    }

  /* --- delivered, and answered --- */
  :: d_step { MAY_SEND -> id = i; deliver(Done); hear(); id = 0 }
  :: d_step { MAY_SEND && HAS_HAND -> id = i; deliver(InHand); hear(); id = 0 }
  :: d_step { MAY_SEND && fails > 0 -> fails--; id = i; deliver(Failed); hear(); id = 0 }
  :: d_step { MAY_SEND && fails > 0 && !KNOWS(i) -> fails--; id = i; refuse(); id = 0 }
  /* --- delivered, and not answered --- */
  :: d_step { MAY_SEND && failures > 0 -> id = i; deliver(Done); missed(); id = 0 }
  :: d_step { MAY_SEND && failures > 0 && HAS_HAND -> id = i; deliver(InHand); missed(); id = 0 }
  :: d_step { MAY_SEND && failures > 0 -> id = i; sendInVain(); id = 0 }
  :: d_step { MAY_SEND && kills > 0 -> id = i; deliver(Done); kill(); id = 0 }
  :: d_step { MAY_SEND && kills > 0 && HAS_HAND -> id = i; deliver(InHand); kill(); id = 0 }

  /* --- lost; with its attempts used up, dead --- */
  :: d_step { HAS(i, Reserved) && losses > 0 ->
      printf("ack-wait of %d is over\n", i);
      losses--; id = i; comesBack(Ready, 1); id = 0
    }
  :: d_step { HAS(i, Reserved) && losses > 0 && kicks > 0 ->
      printf("ack-wait of %d is over\n", i);
      losses--; id = i; comesBack(Dead, 1); id = 0
    }
  :: d_step { HAS(i, Ready) && losses > 0 ->
      printf("another takes %d, and dies\n", i);
      losses--; id = i; message.incarnation = incarnation; comesBack(Ready, 1); id = 0
    }
  :: d_step { HAS(i, Dead) && kicks > 0 && !ALL_DONE ->
      printf("%d is kicked\n", i);
      kicks--; id = i;
      message.state = Ready;
#ifdef KICK_COUNTS_ANEW
      message.deliveries = 0;
#endif
      id = 0
    }
  od
}

/* What the consumer has in hand, or has to settle. */
#define MINE answer[hand[h] - 1]
proctype Hand(byte h) {
  byte n;
  do
  :: ALL_DONE -> break
  :: d_step { hand[h] != 0 && MINE == InHand -> MINE = Done }
  :: d_step { hand[h] != 0 && MINE == InHand && fails > 0 -> fails--; MINE = Failed }
  :: d_step { hand[h] != 0 && MINE == InHand && fails > 0 -> fails--; MINE = Returned }
  :: d_step { hand[h] != 0 && MINE == InHand && fails > 0 -> fails--; MINE = Buried }
  :: d_step { up && hand[h] != 0 && MINE != InHand ->
      n = hand[h] - 1; settle(n, incarnation); hand[h] = 0; n = 0
    }
  :: d_step { up && hand[h] != 0 && MINE != InHand && failures > 0 ->
      failures--; n = hand[h] - 1; settle(n, incarnation); printf("  no answer\n"); n = 0
    }
#ifdef UNPINNED
  :: d_step { up && hand[h] != 0 && MINE != InHand && incarnation > 1 ->
      n = hand[h] - 1; settle(n, incarnation - 1); hand[h] = 0; n = 0
    }
#endif
  /* Nobody is there: who comes next asks. */
  :: d_step { !up && hand[h] != 0 && MINE != InHand -> hand[h] = 0 }
  od
}

#define MAY_SEND_BOTH (IDS > 1 && HAS(0, Reserved) && owed[0] && HAS(LAST, Reserved) && owed[LAST] && HAS_HANDS && \
  store[opened].row[0].incarnation == store[opened].row[LAST].incarnation)
/* Frames of many. */
proctype Together() {
  byte n;
  do
  :: ALL_DONE -> break
  :: d_step { MAY_SEND_BOTH -> deliverBoth(Done, Done); hearBoth(); id = 0 }
  :: d_step { MAY_SEND_BOTH -> deliverBoth(Done, InHand); hearBoth(); id = 0 }
  :: d_step { MAY_SEND_BOTH && fails > 0 -> fails--; deliverBoth(Done, Failed); hearBoth(); id = 0 }
  :: d_step { MAY_SEND_BOTH && failures > 0 -> deliverBoth(Done, Done); missed(); other = 0; id = 0 }
  :: d_step { MAY_SEND_BOTH && failures > 0 -> deliverBoth(Done, InHand); missed(); other = 0; id = 0 }
  :: d_step { MAY_SEND_BOTH && kills > 0 -> deliverBoth(Done, Done); kill(); other = 0; id = 0 }
  :: d_step { MAY_SEND_BOTH && kills > 0 -> deliverBoth(Done, InHand); kill(); other = 0; id = 0 }
  :: d_step { BOTH_KNOWN(0, 1) -> settleBoth(0, 1); hand[0] = 0; hand[1] = 0 }
  :: d_step { BOTH_KNOWN(0, 1) && failures > 0 -> failures--; settleBoth(0, 1); printf("  no answer\n") }
  od
}

proctype World() {
  do
  :: ALL_DONE -> break
  :: d_step { up && kills > 0 && !ALL_DONE -> kill() }
  :: d_step { !up -> open(0) }
  :: d_step { !up -> open(1) }
  :: d_step { !up && copied && backups > 0 ->
      printf("put back from the copy:\n");
      backups--;
      copyRow(copy.row[0], store[0].row[0]);
      copyRow(copy.row[LAST], store[0].row[LAST]);
      open(0)
    }
#ifdef FORGETS_TOLD
  :: d_step { heardFrom != NOBODY && IDLE && !ALL_DONE ->
      printf("the consumer is started anew, in the same process\n");
      heardFrom = NOBODY
    }
#endif
  :: d_step { !copied && backups > 0 && !ALL_DONE ->
      printf("store 0 is copied\n");
      copied = true;
      copyRow(store[0].row[0], copy.row[0]);
      copyRow(store[0].row[LAST], copy.row[LAST])
    }
  od
}

init {
  atomic {
    run Message(0);
    if :: IDS > 1 -> run Message(1); run Together() :: else fi;
    run Hand(0); run Hand(1); run Hand(2);
    run World()
  }
}
