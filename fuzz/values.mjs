// Random values, the same for the same state of `random` (chaos/random.mjs).

/** So many times a value of `make`, in an array. */
export const times = (count, make) => Array.from({ length: count }, (_, n) => make(n));

export function anyBytes(random, max) {
  const kinds = [
    () => random.int(0, 255),
    () => random.pick([0, 1, 10, 13, 27, 32, 48, 49, 127, 128, 155, 255]),
    () => random.int(48, 57),
    () => random.int(32, 126),
  ];
  const kind = random.pick(kinds);
  return Buffer.from(times(random.int(0, max), kind));
}

/** Text without NUL, as an argument has to be. */
export function anyText(random, max = 40) {
  const alphabets = [
    'abcXYZ019',
    ' \t\n\r\x1b[31m\x07\x7f\x9b\u202e',
    '%\\{}hpiqaltn0"\'`$();|&<>*?~#=:,.-_/',
    'äß信🚦\ud7ff\ufeff\u0301',
    '-0123456789.eE+xms',
  ];
  const alphabet = Array.from(random.pick([...alphabets, alphabets.join('')]));
  return times(random.int(0, max), () => random.pick(alphabet)).join('');
}

const NUMBERS = [0, -1, 1, 2, 1.5, 1e9, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, 4294967296, 65536];
const WORDS = [
  '__proto__',
  'constructor',
  'toString',
  'default',
  'ready',
  'null',
  '',
  'good',
  '\0',
];

export function anyJson(random, depth = 3) {
  const kind = random.int(0, depth > 0 ? 7 : 5);
  if (kind === 0) return null;
  if (kind === 1) return random.pick([true, false]);
  if (kind === 2) return random.pick(NUMBERS);
  if (kind === 3) return random.int(-1000, 1000);
  if (kind === 4) return random.pick(WORDS);
  if (kind === 5) return anyText(random);
  const values = times(random.int(0, 4), () => anyJson(random, depth - 1));
  if (kind === 6) return values;
  return Object.fromEntries(values.map((value) => [random.pick([...WORDS, 'x', 'y']), value]));
}

// `drain` and `stop` would do as they are told.
const OPS = ['status', 'counts', 'peek', 'purge', 'kick', 'pause', 'waiting', 'ids', 'queues'];
const KEYS = [
  'queue',
  'state',
  'ids',
  'limit',
  'skip',
  'fromByte',
  'maxBody',
  'paused',
  'queues',
  'after',
  '__proto__',
];

/** A request whose fields are of all types. Does not touch the queue `good`. */
export function anyRequest(random) {
  const request = { op: random.int(0, 9) > 0 ? random.pick(OPS) : anyJson(random) };
  if (random.int(0, 9) === 0) return anyJson(random);
  for (const key of KEYS) {
    if (random.int(0, 2) === 0) continue;
    request[key] = anyJson(random, random.int(0, 3));
  }
  if (random.int(0, 2) > 0) request.queue = random.pick(['default', 'junk', 'Q'.repeat(64)]);
  if (random.int(0, 19) === 0) request.queues = times(3000, (n) => `${n}`);
  if (random.int(0, 19) === 0) request.op = deep(2000);
  if (request.queue === 'good') request.queue = 'junk';
  return request;
}

/** An array in an array, and so on. */
function deep(levels) {
  /** @type {unknown} */
  let value = 1;
  for (let n = 0; n < levels; n++) value = [value];
  return value;
}
