// sigmq beside nq and task-spooler, which queue commands: a program is started for each job, as in a script. None of
// them is asked for more than it does by default, and that differs: see docs/benchmarks.md.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onStage, SIGMQ, timed } from '../stage.mjs';

/** Starts the program "$@" so many times, one after the other, with a command of its own each time. */
const LOOP =
  'count=$1; shift; n=0; while [ $n -lt "$count" ]; do "$@" true $n >/dev/null || exit; n=$((n + 1)); done';
/** Runs until it is told to end, so that all behind it wait. */
const HOLD = ['sh', '-c', 'read -r line <"$1"', 'hold'];

/** For the last word of a job that has ended, in milliseconds. */
const PATIENCE_MS = 10_000;

async function run(stage, command, args) {
  const child = spawn(command, args, { env: stage.env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`);
}

const queueAll = (stage, count, program) =>
  run(stage, 'sh', ['-c', LOOP, 'loop', String(count), ...program]);

/**
 * @typedef {object} Spooler
 * @property {string} name
 * @property {(stage: any, count: number) => Promise<number>} queue until all wait in the queue; ms
 * @property {(stage: any, count: number) => Promise<number>} work until all have run; ms
 */

/** @type {Spooler} */
const sigmq = {
  name: 'sigmq send',
  async queue(stage, count) {
    await stage.broker();
    return (await timed(() => queueAll(stage, count, [process.execPath, SIGMQ, 'send']))).ms;
  },
  async work(stage, count) {
    await stage.broker();
    const consumer = await stage.consumer(['--count', String(count), '--', 'true']);
    const { ms } = await timed(async () => {
      await queueAll(stage, count, [process.execPath, SIGMQ, 'send']);
      await consumer.ended();
    });
    return ms;
  },
};

/**
 * Both spoolers run what they are given at once: for `queue` a job that waits stands before the others.
 * @param {{ name: string, program: string[], prepare: (stage: any) => void, wait: (stage: any, count: number) => Promise<void>, close?: (stage: any) => Promise<void> }} what
 * @returns {Spooler}
 */
function spooler({ name, program, prepare, wait, close = async () => {} }) {
  async function queue(stage, count) {
    prepare(stage);
    const fifo = join(stage.dir, 'hold');
    await run(stage, 'mkfifo', [fifo]);
    try {
      await run(stage, program[0], [...program.slice(1), ...HOLD, fifo]);
      try {
        return (await timed(() => queueAll(stage, count, program))).ms;
      } finally {
        await run(stage, 'sh', ['-c', 'echo go >"$1"', 'go', fifo]);
        await wait(stage, count + 1);
      }
    } finally {
      await close(stage);
    }
  }
  async function work(stage, count) {
    prepare(stage);
    try {
      const { ms } = await timed(async () => {
        await queueAll(stage, count, program);
        await wait(stage, count);
      });
      return ms;
    } finally {
      await close(stage);
    }
  }
  return { name, queue, work };
}

/** How many jobs have ended well, by their logs. */
const ended = (folder) =>
  readdirSync(folder).filter((name) =>
    readFileSync(join(folder, name), 'utf8').includes('[exited with status 0.]'),
  ).length;

const nq = spooler({
  name: 'nq',
  program: ['nq'],
  prepare(stage) {
    stage.env.NQDIR = join(stage.dir, 'nq');
    mkdirSync(stage.env.NQDIR);
  },
  async wait(stage, count) {
    await run(stage, 'nq', ['-w']);
    // It has waited for the commands; who writes down how they ended may be a moment later.
    const end = performance.now() + PATIENCE_MS;
    for (let done = -1; done !== count; done = ended(stage.env.NQDIR)) {
      if (performance.now() > end) throw new Error(`nq ran ${done} jobs of ${count}`);
      await sleep(2);
    }
  },
});

const tsp = spooler({
  name: 'tsp',
  program: ['tsp'],
  prepare(stage) {
    stage.env.TS_SOCKET = join(stage.dir, 'tsp');
    stage.env.TMPDIR = stage.dir;
  },
  wait: (stage) => run(stage, 'tsp', ['-w']),
  // Its server belongs to nobody: it is asked, by its socket.
  close: (stage) => run(stage, 'tsp', ['-K']),
});

/** What is measured, each as a function of the spooler and of the number of jobs, in jobs per second. */
const ROWS = /** @type {const} */ ([
  ['one program for each job: put into the queue', 'queue'],
  ['one program for each job: put into the queue and run (true)', 'work'],
]);

/** @returns samples by row and by program, in jobs per second */
export async function compareSpoolers({ runs, jobs, has, progress }) {
  const rivals = [sigmq, ...[nq, tsp].filter(({ name }) => has(name))];
  /** @type {Record<string, Record<string, number[]>>} */
  const samples = {};
  for (let run = 1; run <= runs; run++) {
    for (const [label, key] of ROWS) {
      for (const rival of run % 2 === 1 ? rivals : [...rivals].reverse()) {
        progress(`run ${run} of ${runs}, ${rival.name}`);
        const ms = await onStage((stage) => rival[key](stage, jobs));
        samples[label] ??= {};
        samples[label][rival.name] ??= [];
        samples[label][rival.name].push((jobs * 1000) / ms);
      }
    }
  }
  return { names: rivals.map(({ name }) => name), samples };
}
