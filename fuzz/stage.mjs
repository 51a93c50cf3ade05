// The programs of a run, in a folder of their own, and what has to be true of them all the time. They are
// children of this process and are signalled by their own PID only.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const SIGMQ = fileURLToPath(new URL('../dist/bin/sigmq.js', import.meta.url));
const DECOY = fileURLToPath(new URL('../test/fixtures/decoy.py', import.meta.url));
/** How long anything may take before it counts as hanging; ms. A request waits 30 s for its answer. */
const PATIENCE_MS = 60_000;
/** How long a program runs that goes on by itself (`broker`, `consume`) before it is told to end; ms. */
const RUN_MS = 1500;
/**
 * Resident memory of the broker; MiB. Node takes some 60, a full heap of young objects 50 more, a
 * consumers.txt of 4 MiB some 150 while it is read.
 */
const MAX_RSS_MIB = 450;
/** Ticks of 10 ms in {@link IDLE_MS} that still count as idle: a timer or two. */
const IDLE_TICKS = 2;
const IDLE_MS = 300;
/** src/errors.ts, without 70 (a bug). 128+n: ended by the signal that we sent. */
const EXIT_CODES = new Set([0, 1, 64, 65, 69, 73, 75, 77, 78, 124, 126, 127, 'SIGTERM']);
const TRACE = /^\s+at .*:\d+|This is a bug in sigmq|Unhandled|uncaught|panicked/m;

/** What a run found wrong. */
export class Wrong extends Error {}

export async function until(what, condition) {
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(10)) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Wrong(`waited in vain for ${what()}`);
  }
}

/**
 * What a program gets. Without `input` it has no standard input; with `true` it stays open.
 * @typedef {{ env?: NodeJS.ProcessEnv, cwd?: string, input?: string | Buffer | true }} Options
 */

export class Child {
  out = '';
  err = '';

  constructor(command, args, /** @type {Options} */ { env, cwd, input } = {}) {
    this.name = [command, ...args].join(' ').slice(0, 500);
    this.child = spawn(command, args, {
      ...{ env, cwd },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    this.pid = this.child.pid;
    this.child.stdout?.on('data', (chunk) => (this.out += chunk.toString('latin1')));
    this.child.stderr?.on('data', (chunk) => (this.err += chunk));
    this.child.stdin?.on('error', () => {});
    if (typeof input === 'string' || Buffer.isBuffer(input)) this.child.stdin?.end(input);
    this.ended = once(this.child, 'close').then(([code, signal]) => code ?? signal);
  }

  get lives() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Field 22 of /proc/PID/stat. */
  get start() {
    return readFileSync(`/proc/${this.pid}/stat`, 'latin1').split(') ')[1].split(' ')[19];
  }

  /** Waits for its end. @returns its exit code, or the signal that ended it */
  async end() {
    const timeout = AbortSignal.timeout(PATIENCE_MS);
    const late = once(timeout, 'abort').then(() => {
      if (this.lives) this.child.kill('SIGKILL');
      throw new Wrong(`${this.name} does not end; it says: ${this.err.slice(-2000)}`);
    });
    return Promise.race([this.ended, late]);
  }

  async stop() {
    if (this.lives) this.child.kill('SIGTERM');
    return this.end();
  }
}

export class Stage {
  #number = 0;
  /** @type {Child} */
  broker;
  /** @type {Child} */
  consumer;
  /** Takes what nobody looks at. @type {Child} */
  eater;
  /** @type {Child[]} */
  decoys = [];
  /** What the programs wrote for each other, by name. @type {Record<string, string>} */
  files = {};

  constructor(dir) {
    this.dir = dir;
    this.run = join(dir, 'run');
    this.hits = join(dir, 'hits');
    this.env = {
      ...{ PATH: process.env.PATH, HOME: dir, SIGMQ_DIR: this.run },
      ...{ XDG_STATE_HOME: join(dir, 'state'), XDG_CONFIG_HOME: join(dir, 'no-config') },
    };
  }

  sigmq(args, options = {}) {
    const { env, ...rest } = options;
    return new Child(process.execPath, [SIGMQ, ...args], { ...rest, env: { ...this.env, ...env } });
  }

  async open() {
    writeFileSync(this.hits, '');
    this.decoys = [
      new Child('sleep', ['100000']),
      new Child('python3', [DECOY, '--default']),
      new Child('python3', [DECOY, '--trap', this.hits]),
    ];
    for (const decoy of this.decoys.slice(1))
      await until(
        () => `a decoy: ${decoy.err}`,
        () => decoy.err.includes('ready'),
      );
    mkdirSync(this.run, { mode: 0o700 });
    this.broker = this.sigmq(['broker', '--max-size', '4K', '--max-messages', '20000']);
    await until(
      () => `the broker: ${this.broker.err}`,
      () => this.broker.err.includes('runs in'),
    );
    this.consumer = this.sigmq(['consume', '-q', 'good']);
    this.eater = this.sigmq(['consume', '-q', 'default,junk', '--quiet', '--json']);
    for (const consumer of [this.consumer, this.eater])
      await until(
        () => `a consumer: ${consumer.err}`,
        () => this.#registered(consumer.pid),
      );
    this.files = Object.fromEntries(
      ['broker.pid', 'broker.json', 'consumers.txt'].map((name) => [name, this.read(name)]),
    );
  }

  #registered(pid) {
    return (
      existsSync(join(this.run, 'consumers.txt')) && this.read('consumers.txt').includes(`${pid} `)
    );
  }

  read(name) {
    return readFileSync(join(this.run, name), 'utf8');
  }

  /** Puts the files back that the programs need to find each other. */
  mend() {
    for (const [name, text] of Object.entries(this.files)) {
      rmSync(join(this.run, name), { recursive: true, force: true });
      writeFileSync(join(this.run, name), text, { mode: 0o600 });
    }
  }

  /**
   * Runs a command line, and tells it to end when it goes on by itself.
   * @returns its exit code, which is a documented one
   */
  async command(args, options = {}) {
    const child = this.sigmq(args, options);
    const timer = setTimeout(() => child.child.kill('SIGTERM'), options.runMs ?? RUN_MS);
    const code = await child.end();
    clearTimeout(timer);
    this.judge(child, code, options.codes);
    return code;
  }

  judge(child, code, codes = EXIT_CODES) {
    if (TRACE.test(child.err))
      throw new Wrong(`${child.name} (${code}) says: ${child.err.slice(0, 4000)}`);
    if (
      !codes.has(code) &&
      !(child.name.includes('sigmq.js') && EXIT_CODES.has(code) && codes === EXIT_CODES)
    )
      throw new Wrong(`${child.name} ended with ${code}: ${child.err.slice(0, 2000)}`);
  }

  /** Everything that has to be true whatever was done. */
  async check() {
    this.mend();
    for (const child of [this.broker, this.consumer, this.eater]) {
      if (!child.lives) throw new Wrong(`${child.name} ended (${await child.ended}): ${child.err}`);
      if (TRACE.test(child.err)) throw new Wrong(`${child.name} says: ${child.err.slice(0, 4000)}`);
      child.err = child.err.slice(-10_000);
      if (child !== this.consumer) child.out = '';
    }
    const message = `message ${this.#number++} größer 信号`;
    const code = await this.command(['send', '-q', 'good', message], { runMs: PATIENCE_MS });
    if (code !== 0) throw new Wrong(`a good message was not confirmed: ${code}`);
    const line = Buffer.from(`${message}\n`).toString('latin1');
    await until(
      () => `${message} at its consumer`,
      () => this.consumer.out.includes(line),
    );
    if (this.consumer.out !== line)
      throw new Wrong(`the consumer got ${JSON.stringify(this.consumer.out)}`);
    this.consumer.out = '';
    this.checkDecoys();
    const rss =
      Number(
        /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.broker.pid}/status`, 'latin1'))?.[1],
      ) / 1024;
    if (rss > MAX_RSS_MIB) throw new Wrong(`the broker takes ${Math.round(rss)} MiB`);
    this.rss = Math.max(this.rss ?? 0, rss);
    await until(
      () => `idle processes: ${this.#ticks()}`,
      () => this.#isIdle(),
    );
  }

  checkDecoys() {
    for (const decoy of this.decoys) if (!decoy.lives) throw new Wrong(`${decoy.name} was killed`);
    const hits = readFileSync(this.hits, 'latin1');
    if (hits !== '') throw new Wrong(`the decoy was hit: ${hits.slice(0, 100)}`);
  }

  /** CPU time of our programs in ticks of 10 ms. */
  #ticks() {
    return [this.broker, this.consumer].map(({ pid }) => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
      return Number(fields[11]) + Number(fields[12]);
    });
  }

  async #isIdle() {
    const before = this.#ticks();
    await sleep(IDLE_MS);
    return this.#ticks().every((ticks, n) => ticks - before[n] <= IDLE_TICKS);
  }

  async close() {
    const children = [this.consumer, this.eater, this.broker, ...this.decoys];
    for (const child of children) if (child?.lives) child.child.kill('SIGTERM');
    for (const child of children) {
      const late = setTimeout(() => child.lives && child.child.kill('SIGKILL'), PATIENCE_MS / 4);
      await child?.ended;
      clearTimeout(late);
    }
  }
}
