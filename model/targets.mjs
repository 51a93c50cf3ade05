/** What npm run model looks at: each model within which bounds, and which bugs it has to find. */

/** Kinds of search: how pan is compiled and started. */
export const Search = {
  safety: { cc: ['-DSAFETY'], pan: [] },
  progress: { cc: ['-DNP'], pan: ['-l'] },
  /** -O0: compiling takes longer than looking. */
  shortest: { cc: ['-DSAFETY', '-DBFS', '-O0'], pan: [] },
};

const ECHO = { MESSAGES: 2, BACK: 0, FOREIGN: 0, STOPS: 0, DELAYS: 0, CRASHES: 0, GIVE_UPS: 0 };
const BOTH = { ...ECHO, MESSAGES: 1, BACK: 1, STOPS: 1, DELAYS: 1 };
const NUMBERS = {
  ...{ MESSAGES: 6, FAILURES: 1, KILLS: 1, BACKUPS: 0 },
  ...{ REFUSALS: 1, OTHERS: 1, EVICTIONS: 1, GIVE_UPS: 1 },
};
const NAMES = {
  ...{ IDS: 2, MESSAGES: 2, FAILURES: 1, KILLS: 1, BACKUPS: 0 },
  ...{ LOSSES: 1, FAILS: 1, KICKS: 0 },
};

const IDS = { DELIVERIES: 3, FAILURES: 1, REFUSALS: 1, KILLS: 1, IDS: 5 };

const ECHO_SAFE =
  'never accepted altered, never twice, "accepted" only when stored, no echo taken for a bit, no deadlock';
const BOTH_SAFE = 'never accepted altered, never twice, "accepted" only when stored, no deadlock';
const NUMBERS_SAFE = 'never stored twice, "accepted" only when stored, no deadlock';
const NAMES_SAFE =
  'a delivery never handled twice, every answer and settlement means the delivery it is taken for, no deadlock';
const IDS_SAFE = 'the consumer takes every delivery for the one that is meant, no deadlock';

export const targets = [
  {
    name: 'echo, safety: everything at once',
    shows: ECHO_SAFE,
    model: 'echo',
    search: Search.safety,
    bounds: { ...ECHO, FOREIGN: 1, STOPS: 1, DELAYS: 1, CRASHES: 1, GIVE_UPS: 1 },
  },
  {
    name: 'echo, safety: more disturbance',
    shows: ECHO_SAFE,
    model: 'echo',
    search: Search.safety,
    bounds: { ...ECHO, FOREIGN: 2, STOPS: 2, DELAYS: 1 },
  },
  {
    name: 'echo, safety: slow peers',
    shows: ECHO_SAFE,
    model: 'echo',
    search: Search.safety,
    bounds: { ...ECHO, STOPS: 1, DELAYS: 2 },
  },
  {
    name: 'echo, progress',
    shows:
      'once strangers, stops, delays and crashes have ceased every message of a live sender is confirmed',
    model: 'echo',
    search: Search.progress,
    bounds: { ...ECHO, FOREIGN: 1, STOPS: 1, DELAYS: 1, CRASHES: 1, GIVE_UPS: 1 },
  },
  {
    name: 'echo, both ways, safety: everything at once',
    shows: BOTH_SAFE,
    model: 'echo',
    search: Search.safety,
    bounds: { ...BOTH, FOREIGN: 1, CRASHES: 1 },
  },
  {
    name: 'echo, both ways, safety: more frames',
    shows: BOTH_SAFE,
    model: 'echo',
    search: Search.safety,
    bounds: { ...BOTH, MESSAGES: 2, BACK: 2, STOPS: 2 },
  },
  {
    name: 'echo, both ways, progress',
    shows: 'as above, and nobody echoes echoes for ever',
    model: 'echo',
    search: Search.progress,
    bounds: { ...BOTH, FOREIGN: 1 },
  },
  {
    name: 'numbers, safety: everything at once',
    shows: NUMBERS_SAFE,
    model: 'numbers',
    search: Search.safety,
    bounds: NUMBERS,
  },
  {
    name: 'numbers, safety: stores exchanged and put back',
    shows: NUMBERS_SAFE,
    model: 'numbers',
    search: Search.safety,
    bounds: { ...NUMBERS, KILLS: 2, BACKUPS: 1, REFUSALS: 0, OTHERS: 0, EVICTIONS: 0 },
  },
  {
    name: 'numbers, safety: a silent broker',
    shows: NUMBERS_SAFE,
    model: 'numbers',
    search: Search.safety,
    bounds: { ...NUMBERS, KILLS: 0, FAILURES: 2, GIVE_UPS: 2 },
  },
  {
    name: 'numbers, progress',
    shows: 'every message is confirmed or given up: no frame is refused for ever',
    model: 'numbers',
    search: Search.progress,
    bounds: NUMBERS,
  },
  {
    name: 'names, safety: two messages in a store',
    shows: NAMES_SAFE,
    model: 'names',
    search: Search.safety,
    bounds: NAMES,
  },
  {
    name: 'names, safety: two restarts, and a dead message is kicked',
    shows: NAMES_SAFE,
    model: 'names',
    search: Search.safety,
    bounds: { ...NAMES, IDS: 1, KILLS: 2, KICKS: 1 },
  },
  {
    name: 'names, safety: stores exchanged and put back',
    shows: NAMES_SAFE,
    model: 'names',
    search: Search.safety,
    bounds: { ...NAMES, IDS: 1, KILLS: 2, BACKUPS: 1, FAILS: 0 },
  },
  {
    name: 'names, progress',
    shows: 'what was delivered is settled: no message is in hand for ever',
    model: 'names',
    search: Search.progress,
    bounds: { ...NAMES, IDS: 1, KICKS: 1 },
  },
  {
    name: 'ids, safety: everything at once',
    shows: IDS_SAFE,
    model: 'ids',
    search: Search.safety,
    bounds: { ...IDS, DELIVERIES: 4, FAILURES: 2, KILLS: 2 },
  },
  {
    name: 'ids, safety: long sequences',
    shows: IDS_SAFE,
    model: 'ids',
    search: Search.safety,
    bounds: { ...IDS, DELIVERIES: 4, KILLS: 0, IDS: 7 },
  },
];

/** Where the seeded bugs of a model are looked for, unless they say another. */
const seeds = {
  echo: { search: Search.shortest, bounds: { ...ECHO, FOREIGN: 1, STOPS: 1, DELAYS: 1 } },
  numbers: { search: Search.shortest, bounds: NUMBERS },
  names: { search: Search.shortest, bounds: { ...NAMES, KICKS: 1 } },
  ids: { search: Search.shortest, bounds: IDS },
};

const inEcho = (leavesOut) => ({ model: 'echo', ...seeds.echo, leavesOut });
const inBoth = (leavesOut) => ({ ...inEcho(leavesOut), bounds: BOTH });
const inNumbers = (leavesOut) => ({ model: 'numbers', ...seeds.numbers, leavesOut });
const inIds = (leavesOut) => ({ model: 'ids', ...seeds.ids, leavesOut });
const inNames = (leavesOut) => ({ model: 'names', ...seeds.names, leavesOut });

/** Each is a rule of the protocol left out; spin has to find what it is there for. */
export const bugs = {
  NO_SEQUENCE: inEcho('the receiver looks at no sequence number: a message is stored twice'),
  NO_CHECKSUM: inEcho('the receiver looks at no checksum: a damaged message is accepted'),
  NO_SYNC: inEcho('a sender does not synchronise after it gave a frame up'),
  NO_PROOF: inEcho('it does, and leaves out the test frame'),
  GO_ON: inEcho('a sender that was stopped goes on with its frame'),
  BELIEVE_LATE: inEcho('a sender that was stopped believes the answer'),
  FORGET_MIDWAY: inEcho('a receiver forgets a reason of which a part was read'),
  LAZY_DROP: inEcho('a receiver that was slow takes the sender for silent'),
  ECHO_LATE: inBoth('a sender does not ask whether the other has given a frame up'),
  TAKES_LATER: inBoth('a sender takes bits that are pending for echoes of its own'),
  DROP_ANYWAY: inBoth('a sender that has lost the bus drops the frame of who has it'),
  TAKES_ALWAYS: {
    ...inBoth('a process takes bits though nobody else has had the bus'),
    search: Search.progress,
  },

  NEAREST: inNumbers('a broker takes a frame for the one that is nearest to the last'),
  SEQ_0_AGAIN: inNumbers('0 is the sequence number of later frames, too'),
  NO_REPEATS: inNumbers('a broker compares no number with the last'),
  MEMORY_ONLY: inNumbers('the last number is not stored with the messages'),
  TRUST_STORE: {
    ...inNumbers('a broker takes what comes first for the frame behind the last stored'),
    bounds: { ...NUMBERS, KILLS: 2, REFUSALS: 0, OTHERS: 0, EVICTIONS: 0, GIVE_UPS: 0 },
  },
  ONE_NEXT: inNumbers('a broker expects one next frame of all producers'),
  ONE_BY_ONE: inNumbers('a broker stores the messages of a frame one by one'),
  REFUSED_COUNTS: inNumbers('the number of a frame that was refused is the last one'),
  REUSE_NUMBER: inNumbers('a number is used again for other messages'),
  SPLIT_IN_DOUBT: inNumbers(
    'a producer sends the messages of a refused frame alone though an earlier try of it may have arrived',
  ),
  NO_NUMBER: {
    ...inNumbers('a producer never says a number in full'),
    search: Search.progress,
  },
  KEEP_KNOWN: {
    ...inNumbers('after a failed try a producer does not say it'),
    search: Search.progress,
  },

  NO_INCARNATION: inNames('an incarnation is no part of the name'),
  NO_DELIVERY_NUMBER: inNames('the number of the delivery is no part of the name'),
  KICK_COUNTS_ANEW: inNames('deliveries of a kicked message count from 1 again'),
  RETURN_UNCOUNTED: inNames('a message that was returned goes out again under the same name'),
  TOLD_UNTIL_ANSWERED: inNames(
    'a broker counts on what it told before a frame that was not answered',
  ),
  FORGETS_TOLD: inNames(
    'a consumer that starts anew in its process does not know what that was told',
  ),
  SETTLES_BY_TOLD: inNames('a settlement means the incarnation that was told last'),
  UNPINNED: inNames('a settlement reaches another broker than the one whose file was read'),
  LATE_BY_NUMBER: inNames('a late settlement is not asked for its incarnation'),
  FIRST_ANSWERS: inNames('the answer to many deliveries is that to the first of them'),

  TOLD_BEFORE_ANSWER: inIds('a broker counts a frame as told before it is answered'),
  IDS_UNTIL_ANSWERED: inIds('a broker counts on the ids before a frame that was not answered'),
  RESEND_LEAVES_OUT: inIds('a delivery that goes again leaves its id out'),
  GOES_ON: inIds('a consumer that is told the incarnation does not begin anew with the ids'),
  BY_FRAME: inIds('a consumer counts ids by the frame and not by the message'),
};

/** What the assertions of the models say, by a piece of each. */
export const violations = [
  ['.kept]==1', 'a message is stored twice'],
  ['.has&queue[0].means)==0', 'a message is stored twice'],
  ['.frame==', 'a damaged message is accepted'],
  ['.message]==1', 'the sender is told "accepted", and the message is not there'],
  ['.has&(((1', 'the producer is told "accepted", and the messages are not there'],
  [')>0)', 'an echo is taken for a bit'],
  ['answer[name]==', 'a delivery that is not done is taken for done'],
  ['heard!=0', 'the consumer does not know the name of a delivery'],
  ['heard==meansIn', 'a delivery is taken for one of another incarnation'],
  ['id==means', 'a delivery is taken for another'],
  ['meant[name]', 'the answer to a delivery is about another'],
  ['handled[(meant', 'a late settlement ends another message'],
  ['meant[n]', 'a settlement ends another delivery'],
  ['handled[(', 'a delivery is handled twice'],
  [
    'invalid end state',
    'nothing can happen any more, and a message is not confirmed, or not settled',
  ],
  ['non-progress cycle', 'a message is never confirmed'],
];
