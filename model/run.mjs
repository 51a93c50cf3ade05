// npm run model: lets spin look at every run of the models within the bounds of targets.mjs.
// npm run model -- --bug [NAME]: seeds one bug and shows, step by step, what spin finds.
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bugs, targets, violations } from './targets.mjs';

/** EX_UNAVAILABLE of sysexits.h: a program that is needed is missing. */
const UNAVAILABLE = 69;
/** Of the search; the largest target needs a quarter. MB. */
const MAX_MEMORY_MB = 4000;
/** Steps of one run; the longest has some 1,000. */
const MAX_DEPTH = 100_000;

class MissingProgram extends Error {}

const execute = promisify(execFile);

async function run(command, args, cwd) {
  try {
    return { status: 0, ...(await execute(command, args, { cwd, maxBuffer: 1 << 28 })) };
  } catch (error) {
    if (error.code === 'ENOENT') throw new MissingProgram(command);
    if (typeof error.code !== 'number') throw error;
    return { status: error.code, stdout: error.stdout, stderr: error.stderr };
  }
}

async function check(command, args, cwd) {
  const { status, stdout, stderr } = await run(command, args, cwd);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}:\n${stdout}${stderr}`);
}

/** Runs spin and pan in a folder that is gone afterwards. */
async function search({ model, search: { cc, pan }, bounds }, defines = [], wantsTrail = false) {
  const file = `${model}.pml`;
  const folder = mkdtempSync(join(tmpdir(), 'sigmq-model-'));
  try {
    copyFileSync(join(import.meta.dirname, file), join(folder, file));
    const flags = [...defines, ...Object.entries(bounds).map(([name, n]) => `${name}=${n}`)];
    const spinFlags = flags.map((flag) => `-D${flag}`);
    const started = performance.now();
    await check('spin', ['-a', ...spinFlags, file], folder);
    await check(
      'cc',
      ['-O2', '-w', `-DMEMLIM=${MAX_MEMORY_MB}`, ...cc, '-o', 'pan', 'pan.c'],
      folder,
    );
    const { stdout } = await run('./pan', [`-m${MAX_DEPTH}`, ...pan], folder);
    const found = {
      seconds: (performance.now() - started) / 1000,
      errors: number(stdout, /errors: (\d+)/),
      states: number(stdout, /(\d+) states, stored/),
      depth: number(stdout, /depth reached (\d+)/),
      why: reason(/pan:1: (.*)/.exec(stdout)?.[1]),
      isComplete: !/max search depth too small|out of memory|MEMLIM|not completed/.test(stdout),
    };
    return { ...found, trail: wantsTrail ? await trail(folder, file, spinFlags) : [] };
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
async function trail(folder, file, flags) {
  const { stdout } = await run('spin', ['-t', ...flags, file], folder);
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

/** Each is looked at by itself, several at a time. */
async function atOnce(tasks) {
  const most = Math.max(1, Math.floor(freemem() / (MAX_MEMORY_MB * 1e6)));
  const waiting = [...tasks];
  const work = async () => {
    for (let task = waiting.shift(); task; task = waiting.shift()) await task();
  };
  await Promise.all(Array.from({ length: Math.min(most, availableParallelism()) }, work));
}

async function runTarget(target) {
  const found = await search(target);
  const isRight = found.errors === 0 && found.isComplete;
  if (!isRight) failed++;
  console.log(`${isRight ? 'ok  ' : 'FAIL'} ${target.name}`);
  console.log(`     shows: ${target.shows}`);
  console.log(`     bounds: ${boundsOf(target.bounds)}`);
  console.log(`     ${figures(found)}${found.why ? `: ${found.why}` : ''}`);
}

async function runBug(name, wantsTrail) {
  const bug = bugs[name];
  const found = await search(bug, [name], wantsTrail);
  const isRight = found.errors > 0;
  if (!isRight) failed++;
  for (const line of found.trail) console.log(line);
  console.log(`${isRight ? 'ok  ' : 'FAIL'} seeded bug ${name} (${bug.model}): ${bug.leavesOut}`);
  if (wantsTrail) console.log(`     bounds: ${boundsOf(bug.bounds)}`);
  console.log(`     ${isRight ? `found: ${found.why}` : 'NOT found'}; ${figures(found)}`);
}

try {
  if (flag === undefined) {
    await atOnce([
      ...targets.map((target) => () => runTarget(target)),
      ...Object.keys(bugs).map((name) => () => runBug(name, false)),
    ]);
  } else await runBug(only ?? 'NO_SEQUENCE', true);
} catch (error) {
  if (!(error instanceof MissingProgram)) throw error;
  console.error(`npm run model needs ${error.message}. On Debian: apt-get install spin gcc`);
  process.exit(UNAVAILABLE);
}
console.log(failed === 0 ? 'model: everything as expected' : `model: ${failed} not as expected`);
process.exit(failed === 0 ? 0 : 1);
