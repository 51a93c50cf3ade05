// Programs of sigmq in a runtime directory of their own, for the benchmarks.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const SIGMQ = join(ROOT, 'dist/bin/sigmq.js');

// What is measured starts in a clean environment, whatever the shell has: with NODE_EXTRA_CA_CERTS every Node
// reads certificates before it does anything else, and SIGMQ_DATA would be a store that is in use.
for (const name of Object.keys(process.env)) {
  if (/^(NODE|SIGMQ)_/.test(name)) delete process.env[name];
}

/** A program that has not ended so long after SIGTERM hangs, and the benchmark would with it. */
const STUBBORN_MS = 30_000;

/** Milliseconds that `work` takes, and what it gives. */
export async function timed(work) {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}

/** A process, ended by {@link Stage.close}. */
class Running {
  #wake = () => {};
  #woken = Promise.resolve();
  #isClosed = false;

  constructor(child) {
    this.child = child;
    this.bytes = 0;
    this.said = '';
    this.#sleep();
    child.stdout?.on('data', (chunk) => {
      this.bytes += chunk.length;
      this.#news();
    });
    child.stderr?.on('data', (chunk) => {
      this.said += chunk;
      this.#news();
    });
    // After the last data, unlike 'exit'.
    child.on('close', () => {
      this.#isClosed = true;
      this.#news();
    });
  }

  #sleep() {
    this.#woken = new Promise((resolve) => {
      this.#wake = () => resolve(undefined);
    });
  }

  #news() {
    this.#wake();
    this.#sleep();
  }

  /** Waits until it says or prints something. @throws when it has ended: there is nothing to wait for */
  async news() {
    if (this.#isClosed) throw this.#ended('ended too early');
    await this.#woken;
  }

  #ended(how) {
    return new Error(`${this.child.spawnargs.join(' ')} ${how}: ${this.said}`);
  }

  /** Waits for a text on stderr. */
  async says(text) {
    while (!this.said.includes(text)) await this.news();
    return this;
  }

  /** Waits for so many bytes on stdout, counted from the start. */
  async printed(bytes) {
    while (this.bytes < bytes) await this.news();
  }

  /** Waits until it has ended by itself, and well. */
  async ended() {
    while (!this.#isClosed) await this.#woken;
    if (this.child.exitCode !== 0) throw this.#ended('failed');
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), STUBBORN_MS);
    await once(this.child, 'exit');
    clearTimeout(late);
  }
}

/** Those that are open: a benchmark that is told to end leaves nothing behind. @type {Set<Stage>} */
const open = new Set();
process.on('exit', () => {
  for (const stage of open) stage.abandon();
});
for (const [signal, number] of /** @type {const} */ ([
  ['SIGINT', 2],
  ['SIGTERM', 15],
])) {
  process.on(signal, () => process.exit(128 + number));
}

export class Stage {
  /** @type {Running[]} */
  #running = [];

  constructor() {
    open.add(this);
    this.dir = mkdtempSync(join(tmpdir(), 'sigmq-bench-'));
    /** @type {NodeJS.ProcessEnv} */
    this.env = { ...process.env, SIGMQ_DIR: this.dir, XDG_STATE_HOME: join(this.dir, 'state') };
  }

  /** @param {import('node:child_process').StdioOptions} stdio */
  start(command, args, stdio = ['ignore', 'pipe', 'pipe']) {
    const running = new Running(spawn(command, args, { env: this.env, stdio }));
    this.#running.push(running);
    return running;
  }

  sigmq(args) {
    return this.start(process.execPath, [SIGMQ, ...args]);
  }

  broker(args = []) {
    return this.sigmq(['broker', ...args]).says('runs in');
  }

  consumer(args = []) {
    return this.sigmq(['consume', ...args]).says('waits for messages');
  }

  /** A run of `sigmq` from start to exit, which has to succeed. */
  run(args, input) {
    return this.node([SIGMQ, ...args], input);
  }

  /** A run of Node with these arguments, which has to succeed. */
  async node(args, input) {
    const child = spawn(process.execPath, args, {
      env: this.env,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'ignore', 'inherit'],
    });
    child.stdin?.end(input);
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`);
  }

  /** Stops everything, the last first. */
  async close() {
    for (const running of this.#running.reverse()) await running.stop();
    rmSync(this.dir, { recursive: true, force: true });
    open.delete(this);
  }

  /** As close() does, without waiting for anyone. */
  abandon() {
    for (const { child } of this.#running) child.kill('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Waits until all of them together have printed so many bytes: who got how much is theirs. */
export async function printedTogether(all, bytes) {
  const total = () => all.reduce((sum, running) => sum + running.bytes, 0);
  while (total() < bytes) await Promise.race(all.map((running) => running.news()));
}

/** Runs `work` with a stage and closes it, whatever happens. */
export async function onStage(work) {
  const stage = new Stage();
  try {
    return await work(stage);
  } finally {
    await stage.close();
  }
}

/** The line of JSON that a helper program prints. */
export function jsonOf(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error ?? stderr}`);
  return JSON.parse(stdout);
}

/** Context switches of a process so far: each one that it asked for was a sleep and so a wake-up. */
export function switchesOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const voluntary = Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1]);
  return voluntary;
}
