// npm run model: lets spin look at every run of the echo protocol within the bounds of the targets below.
// npm run model -- --bug [NAME]: seeds one bug and shows, step by step, what spin finds.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** EX_UNAVAILABLE of sysexits.h: a program that is needed is missing. */
const UNAVAILABLE = 69;
/** Of the search; the largest target needs a quarter. MB. */
const MAX_MEMORY_MB = 4000;
/** Steps of one run; the longest has some 1,000. */
const MAX_DEPTH = 100_000;

const NONE = { MESSAGES: 2, FOREIGN: 0, STOPS: 0, DELAYS: 0, CRASHES: 0, GIVE_UPS: 0 };

/** Kinds of search: how pan is compiled and started. */
const Search = {
  safety: { cc: ['-DSAFETY'], pan: [] },
  progress: { cc: ['-DNP'], pan: ['-l'] },
  shortest: { cc: ['-DSAFETY', '-DBFS'], pan: [] },
};

const SAFE =
  'never accepted altered, never twice, "accepted" only when stored, no echo taken for a bit, no deadlock';

const targets = [
  {
    name: 'safety: everything at once',
    shows: SAFE,
    search: Search.safety,
    bounds: { ...NONE, FOREIGN: 1, STOPS: 1, DELAYS: 1, CRASHES: 1, GIVE_UPS: 1 },
  },
  {
    name: 'safety: more disturbance',
    shows: SAFE,
    search: Search.safety,
    bounds: { ...NONE, FOREIGN: 2, STOPS: 2, DELAYS: 1 },
  },
  {
    name: 'safety: slow peers',
    shows: SAFE,
    search: Search.safety,
    bounds: { ...NONE, STOPS: 1, DELAYS: 2 },
  },
  {
    name: 'progress',
    shows:
      'once strangers, stops, delays and crashes have ceased every message of a live sender is confirmed',
    search: Search.progress,
    bounds: { ...NONE, FOREIGN: 1, STOPS: 1, DELAYS: 1, CRASHES: 1, GIVE_UPS: 1 },
  },
];

/** Each is a rule of the protocol left out; spin has to find what it is there for. */
const bugs = {
  NO_SEQUENCE: 'the receiver looks at no sequence number: a message is stored twice',
  NO_CHECKSUM: 'the receiver looks at no checksum: a damaged message is accepted',
  NO_SYNC: 'a sender does not synchronise after it gave a frame up',
  NO_PROOF: 'it does, and leaves out the test frame',
  GO_ON: 'a sender that was stopped goes on with its frame',
  BELIEVE_LATE: 'a sender that was stopped believes the answer',
  FORGET_MIDWAY: 'a receiver forgets a reason of which a part was read',
  LAZY_DROP: 'a receiver that was slow takes the sender for silent',
};
const bugBounds = { ...NONE, FOREIGN: 1, STOPS: 1, DELAYS: 1 };

/** What the assertions of the model say, by a piece of each. */
const violations = [
  ['.kept]==1', 'a message is stored twice'],
  ['.frame==', 'a damaged message is accepted'],
  ['.message]==1', 'the sender is told "accepted", and the message is not there'],
  [')>0)', 'an echo is taken for a bit'],
  ['invalid end state', 'nothing can happen any more, and a message is not confirmed'],
  ['non-progress cycle', 'a message is never confirmed'],
];

const model = join(import.meta.dirname, 'echo.pml');

class MissingProgram extends Error {}

function run(command, args, cwd) {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.error?.code === 'ENOENT') throw new MissingProgram(command);
  if (result.error) throw result.error;
  return result;
}

function check(command, args, cwd) {
  const { status, stdout, stderr } = run(command, args, cwd);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}:\n${stdout}${stderr}`);
}

/** Runs spin and pan in a folder that is gone afterwards. */
function search({ search: { cc, pan }, bounds }, defines = [], wantsTrail = false) {
  const folder = mkdtempSync(join(tmpdir(), 'sigmq-model-'));
  try {
    copyFileSync(model, join(folder, 'echo.pml'));
    const flags = [...defines, ...Object.entries(bounds).map(([name, n]) => `${name}=${n}`)];
    const spinFlags = flags.map((flag) => `-D${flag}`);
    const started = performance.now();
    check('spin', ['-a', ...spinFlags, 'echo.pml'], folder);
    check('cc', ['-O2', '-w', `-DMEMLIM=${MAX_MEMORY_MB}`, ...cc, '-o', 'pan', 'pan.c'], folder);
    const { stdout } = run('./pan', [`-m${MAX_DEPTH}`, ...pan], folder);
    const found = {
      seconds: (performance.now() - started) / 1000,
      errors: number(stdout, /errors: (\d+)/),
      states: number(stdout, /(\d+) states, stored/),
      depth: number(stdout, /depth reached (\d+)/),
      why: reason(/pan:1: (.*)/.exec(stdout)?.[1]),
      isComplete: !/max search depth too small|out of memory|MEMLIM|not completed/.test(stdout),
      trail: [],
    };
    if (wantsTrail) found.trail = trail(folder, spinFlags);
    return found;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function number(text, pattern) {
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}

function reason(pan) {
  if (pan === undefined) return undefined;
  return violations.find(([piece]) => pan.includes(piece))?.[1] ?? pan;
}

/** What spin prints while it follows a trail is what the model's printf say. */
function trail(folder, flags) {
  const { stdout } = run('spin', ['-t', ...flags, 'echo.pml'], folder);
  const end = /^(spin:|#processes)/;
  const lines = [];
  for (const line of stdout.split('\n')) {
    if (end.test(line) && !line.includes('warning')) break;
    lines.push(line);
  }
  return lines;
}

function figures({ states, depth, errors, seconds }) {
  return `${states} states, depth ${depth}, ${errors} errors, ${seconds.toFixed(1)} s`;
}

function boundsOf(bounds) {
  return Object.entries(bounds)
    .map(([name, n]) => `${name} ${n}`)
    .join(', ');
}

const [flag, only] = process.argv.slice(2);
const isKnown = flag === undefined || (flag === '--bug' && (only === undefined || only in bugs));
if (!isKnown) {
  console.error(`Usage: npm run model [-- --bug [${Object.keys(bugs).join(' | ')}]]`);
  process.exit(64);
}

/** Targets, or seeded bugs, that did not come out as expected. */
let failed = 0;

function runTargets() {
  for (const target of targets) {
    const found = search(target);
    const isRight = found.errors === 0 && found.isComplete;
    if (!isRight) failed++;
    console.log(`${isRight ? 'ok  ' : 'FAIL'} ${target.name}`);
    console.log(`     shows: ${target.shows}`);
    console.log(`     bounds: ${boundsOf(target.bounds)}`);
    console.log(`     ${figures(found)}${found.why ? `: ${found.why}` : ''}`);
  }
}

function runBug(name, wantsTrail) {
  const found = search({ search: Search.shortest, bounds: bugBounds }, [name], wantsTrail);
  const isRight = found.errors > 0;
  if (!isRight) failed++;
  for (const line of found.trail) console.log(line);
  console.log(`${isRight ? 'ok  ' : 'FAIL'} seeded bug ${name}: ${bugs[name]}`);
  console.log(`     ${isRight ? `found: ${found.why}` : 'NOT found'}; ${figures(found)}`);
}

try {
  if (flag === undefined) {
    runTargets();
    console.log(`seeded bugs, each within: ${boundsOf(bugBounds)}`);
    for (const name of Object.keys(bugs)) runBug(name, false);
  } else runBug(only ?? 'NO_SEQUENCE', true);
} catch (error) {
  if (!(error instanceof MissingProgram)) throw error;
  console.error(`npm run model needs ${error.message}. On Debian: apt-get install spin gcc`);
  process.exit(UNAVAILABLE);
}
console.log(failed === 0 ? 'model: everything as expected' : `model: ${failed} not as expected`);
process.exit(failed === 0 ? 0 : 1);
