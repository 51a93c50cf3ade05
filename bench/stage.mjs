// Programs of sigmq in a runtime directory of their own, for the benchmarks.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SIGMQ = join(ROOT, 'dist/bin/sigmq.js');

/** Milliseconds that `work` takes, and what it gives. */
export async function timed(work) {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}

/** A process, ended by {@link Stage.close}. */
class Running {
  constructor(child) {
    this.child = child;
    this.bytes = 0;
    this.said = '';
    child.stdout?.on('data', (chunk) => {
      this.bytes += chunk.length;
    });
    child.stderr?.on('data', (chunk) => {
      this.said += chunk;
    });
  }

  /** Waits for a text on stderr. */
  async says(text) {
    while (!this.said.includes(text)) {
      if (this.child.exitCode !== null) throw new Error(`ended early: ${this.said}`);
      await once(this.child.stderr, 'data');
    }
    return this;
  }

  /** Waits for so many bytes on stdout, counted from the start. */
  async printed(bytes) {
    while (this.bytes < bytes) await once(this.child.stdout, 'data');
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGTERM');
    await once(this.child, 'exit');
  }
}

export class Stage {
  #running = [];

  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), 'sigmq-bench-'));
    /** @type {NodeJS.ProcessEnv} */
    this.env = { ...process.env, SIGMQ_DIR: this.dir, XDG_STATE_HOME: join(this.dir, 'state') };
    delete this.env.SIGMQ_PLAIN;
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
  }
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
