// What the benchmarks send: made here, the same for the same seed, and no two alike, because a line that is
// repeated packs to almost nothing and would flatter whoever packs.
import { Random } from '../chaos/random.mjs';

/** The largest message that a broker takes unless told otherwise, bytes. */
export const LARGEST = 65_536;
/** A message that is mostly overhead; bytes. */
const SHORT_BYTES = 20;
/** As long as a job, so that the two differ in nothing but whether they can be packed; bytes. */
const PRINTABLE_BYTES = 177;

const WORDS = (
  'amber anchor apple arrow basin beacon birch bridge canyon cedar cliff cloud copper coral delta ' +
  'dune ember falcon fern field finch forest frost garden glacier granite grove harbour hazel ' +
  'heron hill island ivory jade juniper lake lantern larch lemon linen lotus maple marble meadow ' +
  'mint moss north oak olive opal orchid otter pearl pebble pine plum quartz rain raven reef ' +
  'river robin saffron sage shore silver slate snow spruce stone storm summit thistle tide tiger ' +
  'topaz valley violet walnut willow winter wren zinc'
).split(' ');
const KINDS = ['thumbnail', 'transcode', 'email', 'invoice', 'reindex', 'export', 'webhook'];
const FORMATS = ['jpg', 'png', 'webp', 'pdf', 'mp4', 'csv', 'html'];
const METHODS = ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'];
const STATUSES = [200, 200, 200, 201, 204, 301, 304, 400, 404, 409, 500, 503];
const LEVELS = ['debug', 'info', 'info', 'info', 'warn', 'error'];
const FIRST_MS = Date.UTC(2026, 0, 1);
const YEAR_MS = 365 * 86_400_000;
const FIRST_ORDER = 104_212;
/** One comes in each; ms. */
const ORDER_MS = 4000;

const word = (random) => random.pick(WORDS);
const time = (random) => new Date(FIRST_MS + random.int(0, YEAR_MS)).toISOString();
const hex = (random, digits) =>
  Array.from({ length: digits }, () => random.int(0, 15).toString(16)).join('');

/** Some 177 bytes of JSON: the names are those of every job, the values are its own. */
function job(random) {
  return JSON.stringify({
    id: hex(random, 12),
    kind: random.pick(KINDS),
    user: random.int(1, 99_999),
    file: `/${word(random)}/${word(random)}-${random.int(1, 999)}.${random.pick(FORMATS)}`,
    width: random.int(16, 4096),
    height: random.int(16, 4096),
    due: time(random),
    notify: `${word(random)}.${word(random)}@example.org`,
  });
}

/**
 * Some 166 bytes of JSON of which less is new: they are numbered, and one follows the other within seconds. Their
 * values have 74 bits: 2 of the kind, 14 of the name, 2 of the template, 17 of the amount, 3 of the priority, 12 of the
 * time and 24 of the trace.
 */
function order(random, n) {
  const name = `${WORDS[random.int(0, 15)]}${random.int(1, 999)}`;
  return JSON.stringify({
    id: FIRST_ORDER + n,
    type: random.pick(['email.send', 'image.resize', 'invoice.create', 'report.build']),
    to: `${name}@example.com`,
    template: random.pick(['welcome', 'reset', 'receipt', 'digest']),
    amount: random.int(100, 99_999) / 100,
    priority: random.int(0, 9),
    created: new Date(FIRST_MS + n * ORDER_MS + random.int(0, ORDER_MS)).toISOString(),
    trace: hex(random, 6),
  });
}

/** A line of a web server's log: some 83 bytes. */
function log(random) {
  const path = `/${word(random)}/${word(random)}/${random.int(1, 99_999)}`;
  const took = (random.int(1, 9_999) / 10).toFixed(1);
  return `${time(random)} ${random.pick(LEVELS)} web[${random.int(300, 32_767)}] ${random.pick(METHODS)} ${path} ${random.pick(STATUSES)} ${random.int(0, 99_999)} ${took} ms`;
}

/** Words and numbers of 20 bytes exactly. */
function short(random) {
  const number = () => random.int(10, 99_999);
  const long = `${word(random)} ${number()} ${word(random)} ${random.int(1e9, 9_999_999_999)}`;
  return long.slice(0, SHORT_BYTES).replace(/ $/, () => String(random.int(0, 9)));
}

/** Printable bytes at random, no space and no newline among them: hardly smaller when packed. */
const printable = (random) =>
  String.fromCharCode(...Array.from({ length: PRINTABLE_BYTES }, () => random.int(0x21, 0x7e)));

/** The largest message, as a text and as bytes that cannot be packed. */
const text = (random) => jobText(LARGEST, random);
const noise = (random) => bytes(LARGEST, random);

const MAKERS = { job, order, log, short, printable, text, noise };

/** @typedef {keyof typeof MAKERS} Kind */

/** So many bodies of a kind. @returns {(string | Buffer)[]} */
export function bodies(/** @type {Kind} */ kind, count, seed = 1) {
  const random = new Random(seed).of(kind);
  return Array.from({ length: count }, (_, n) => MAKERS[kind](random, n));
}

/** So many lines of a kind that has no newline in it, for `--lines`: each ends with one. */
export const linesOf = (
  /** @type {'job' | 'order' | 'log' | 'short' | 'printable'} */ kind,
  count,
  seed = 1,
) =>
  bodies(kind, count, seed)
    .map((line) => `${line}\n`)
    .join('');

/** JSON lines of exactly so many bytes; the last one is cut. */
export function jobText(size = LARGEST, random = new Random(1)) {
  let all = '';
  while (all.length < size) all += `${job(random)}\n`;
  return all.slice(0, size);
}

/** Bytes at random, zeros and newlines among them. */
export const bytes = (size = LARGEST, random = new Random(1)) =>
  Buffer.from(Array.from({ length: size }, () => random.int(0, 255)));
