// npm run model: lets spin look at every run of the models within the bounds of targets.mjs.
// npm run model -- --bug [NAME]: seeds one bug and shows, step by step, what spin finds.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bugs, targets, violations } from './targets.mjs';

/** EX_UNAVAILABLE of sysexits.h: a program that is needed is missing. */
const UNAVAILABLE = 69;
/** Of the search; the largest target needs a quarter. MB. */
const MAX_MEMORY_MB = 4000;
/** Steps of one run; the longest has some 1,000. */
const MAX_DEPTH = 100_000;

class MissingProgram extends Error {}

function run(command, args, cwd) {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 28 });
  /** @type {NodeJS.ErrnoException | undefined} */
  const error = result.error;
  if (error?.code === 'ENOENT') throw new MissingProgram(command);
  if (error) throw error;
  return result;
}

function check(command, args, cwd) {
  const { status, stdout, stderr } = run(command, args, cwd);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}:\n${stdout}${stderr}`);
}

/** Runs spin and pan in a folder that is gone afterwards. */
function search({ model, search: { cc, pan }, bounds }, defines = [], wantsTrail = false) {
  const file = `${model}.pml`;
  const folder = mkdtempSync(join(tmpdir(), 'sigmq-model-'));
  try {
    copyFileSync(join(import.meta.dirname, file), join(folder, file));
    const flags = [...defines, ...Object.entries(bounds).map(([name, n]) => `${name}=${n}`)];
    const spinFlags = flags.map((flag) => `-D${flag}`);
    const started = performance.now();
    check('spin', ['-a', ...spinFlags, file], folder);
    check('cc', ['-O2', '-w', `-DMEMLIM=${MAX_MEMORY_MB}`, ...cc, '-o', 'pan', 'pan.c'], folder);
    const { stdout } = run('./pan', [`-m${MAX_DEPTH}`, ...pan], folder);
    const found = {
      seconds: (performance.now() - started) / 1000,
      errors: number(stdout, /errors: (\d+)/),
      states: number(stdout, /(\d+) states, stored/),
      depth: number(stdout, /depth reached (\d+)/),
      why: reason(/pan:1: (.*)/.exec(stdout)?.[1]),
      isComplete: !/max search depth too small|out of memory|MEMLIM|not completed/.test(stdout),
    };
    return { ...found, trail: wantsTrail ? trail(folder, file, spinFlags) : [] };
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
function trail(folder, file, flags) {
  const { stdout } = run('spin', ['-t', ...flags, file], folder);
  const noClaim = /^spin: couldn't find claim/; // of the search for cycles
  const end = /^(spin: (?!warning)|#processes)/;
  const lines = [];
  for (const line of stdout.split('\n')) {
    if (noClaim.test(line)) continue;
    if (end.test(line)) break;
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
  const bug = bugs[name];
  const found = search(bug, [name], wantsTrail);
  const isRight = found.errors > 0;
  if (!isRight) failed++;
  for (const line of found.trail) console.log(line);
  console.log(`${isRight ? 'ok  ' : 'FAIL'} seeded bug ${name} (${bug.model}): ${bug.leavesOut}`);
  if (wantsTrail) console.log(`     bounds: ${boundsOf(bug.bounds)}`);
  console.log(`     ${isRight ? `found: ${found.why}` : 'NOT found'}; ${figures(found)}`);
}

try {
  if (flag === undefined) {
    runTargets();
    for (const name of Object.keys(bugs)) runBug(name, false);
  } else runBug(only ?? 'NO_SEQUENCE', true);
} catch (error) {
  if (!(error instanceof MissingProgram)) throw error;
  console.error(`npm run model needs ${error.message}. On Debian: apt-get install spin gcc`);
  process.exit(UNAVAILABLE);
}
console.log(failed === 0 ? 'model: everything as expected' : `model: ${failed} not as expected`);
process.exit(failed === 0 ? 0 : 1);
