/** Runs the built programs as a user would, each test in a runtime directory of its own. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { endAfter } from '../end-after.ts';
import { PATIENCE_MS, until } from '../until.ts';

export { until };

export const DIST = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const ROOT = join(DIST, '..');
const FIXTURES = join(ROOT, 'test/fixtures');
/** How long a program may finish what it does when its test is over; ms. */
const LEFT_OVER_MS = 500;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A program that was started; what it printed so far, and how it ended. */
export class Program {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<Ended>;
  #stdout: Buffer[] = [];
  #stderr = '';

  constructor(t: TestContext, command: string, args: readonly string[], options: RunOptions = {}) {
    const { env, cwd, stdin, stdout = 'pipe', stderr = 'pipe' } = options;
    this.child = spawn(command, args, {
      env: options.isBare ? { ...env } : { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
      stdio: [typeof stdin === 'number' ? stdin : 'pipe', stdout, stderr],
    });
    if (this.child.pid === undefined) throw new Error(`${command} does not start`);
    this.pid = this.child.pid;
    this.child.stdout?.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.child.stdin?.on('error', () => {}); // it may end before it has read
    if (stdin === undefined) this.child.stdin?.end();
    else if (typeof stdin !== 'number' && stdin !== 'open') this.child.stdin?.end(stdin);
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) =>
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }),
      );
    });
    endAfter(t, () => this.#endAtOnce());
  }

  get stdout(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Complete lines on stdout so far. */
  get lines(): string[] {
    return this.stdout.toString().split('\n').slice(0, -1);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  get lives(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Ends it politely, so that it writes its coverage, even when it is stopped. */
  async end(): Promise<Ended> {
    if (this.lives) {
      this.child.stdin?.end();
      this.child.kill('SIGCONT');
      this.child.kill('SIGTERM');
    }
    const timer = setTimeout(() => this.#endForSure(), PATIENCE_MS / 4);
    await this.ended;
    clearTimeout(timer);
    return this.ended;
  }

  /** Like {@link end}, and with a second signal: a consumer whose command runs waits for that after the first. */
  async #endAtOnce(): Promise<void> {
    const timer = setTimeout(() => this.signal('SIGTERM'), LEFT_OVER_MS);
    await this.end();
    clearTimeout(timer);
  }

  /** What it has started may live on and keep its pipes open: it is not waited for. */
  #endForSure(): void {
    this.child.kill('SIGKILL');
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }

  /** Waits for a text on stderr. */
  async says(text: string | RegExp): Promise<void> {
    await until(
      () => `${text} on stderr of ${this.child.spawnargs.join(' ')}; it says: ${this.#stderr}`,
      () => (typeof text === 'string' ? this.#stderr.includes(text) : text.test(this.#stderr)),
    );
  }

  /** Waits until it has printed so many lines. */
  async printed(count: number): Promise<string[]> {
    await until(
      () => `${count} lines, has ${this.lines.length}; stderr: ${this.#stderr}`,
      () => this.lines.length >= count,
    );
    return this.lines;
  }
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** What it reads; `open`: a pipe that stays open; a number: a descriptor. Default: nothing. */
  readonly stdin?: string | Uint8Array | number;
  readonly stdout?: 'pipe' | number;
  readonly stderr?: 'pipe' | number;
  /** Nothing of this process's environment. */
  readonly isBare?: boolean;
}

/** One runtime directory and the programs in it. */
export class Stage {
  readonly dir = mkdtempSync(join(tmpdir(), 'sigmq-e2e-'));
  readonly #t: TestContext;
  readonly #env: NodeJS.ProcessEnv;

  constructor(t: TestContext, env: NodeJS.ProcessEnv = {}) {
    this.#t = t;
    this.#env = { SIGMQ_DIR: this.dir, XDG_STATE_HOME: join(this.dir, 'state'), ...env };
    endAfter(t, () => rmSync(this.dir, { recursive: true, force: true }));
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** Runs `dist/bin/<program>.js`. */
  program(program: string, args: readonly string[], options: RunOptions = {}): Program {
    const path = join(DIST, 'bin', `${program}.js`);
    const env = { ...this.#env, ...options.env };
    return new Program(this.#t, process.execPath, [path, ...args], { ...options, env });
  }

  sigmq(args: readonly string[], options?: RunOptions): Program {
    return this.program('sigmq', args, options);
  }

  /** A broker that is ready to take messages. */
  async broker(args: readonly string[] = [], options?: RunOptions): Promise<Program> {
    const broker = this.sigmq(['broker', ...args], options);
    await broker.says(/broker \d+ runs in/);
    return broker;
  }

  /** A consumer that is registered. */
  async consumer(args: readonly string[] = [], options?: RunOptions): Promise<Program> {
    const consumer = this.sigmq(['consume', ...args], options);
    await consumer.says('waits for messages');
    return consumer;
  }

  /** How many messages of its queue are in each state, if there is one at most; none when there are none. */
  async counts(): Promise<Record<string, number>> {
    const { code, stdout, stderr } = await this.sigmq(['ls', '--json']).ended;
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout.toString() || '{}');
  }

  /** `sigmq send`, until its end. */
  send(args: readonly string[], options?: RunOptions): Promise<Ended> {
    return this.sigmq(['send', ...args], options).ended;
  }

  /** `sigmq send` that has to succeed. */
  async sent(args: readonly string[], options?: RunOptions): Promise<void> {
    const { code, stderr } = await this.send(args, options);
    assert.equal(code, 0, `send ${args.join(' ').slice(0, 80)}: ${stderr}`);
  }

  /** A script of sh(1), in which `$S` is sigmq. @param wrapper a command that runs it, as unshare(1) */
  script(text: string, wrapper: readonly string[] = [], options: RunOptions = {}): Program {
    const sigmq = `${process.execPath} ${join(DIST, 'bin/sigmq.js')}`;
    const env = { ...this.#env, S: sigmq, ...options.env };
    const [command = 'sh', ...args] = [...wrapper, 'sh', '-c', text];
    return new Program(this.#t, command, args, { ...options, env });
  }

  /** A program of test/fixtures. */
  fixture(script: string, args: readonly string[], options?: RunOptions): Program {
    return new Program(this.#t, 'python3', [join(FIXTURES, script), ...args], options);
  }

  /** A program of test/fixtures that waits for signals; ready when it says so. */
  async python(script: string, args: readonly string[], options?: RunOptions): Promise<Program> {
    const python = this.fixture(script, args, options);
    await python.says(/ready \d+/);
    return python;
  }

  /** A process that a signal of ours would kill. */
  stranger(): Program {
    return new Program(this.#t, 'sleep', ['600']);
  }
}

/** Field 3 of /proc/PID/stat; undefined: there is no such process. */
export function stateOf(pid: number): string | undefined {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}

/** Waits until SIGSTOP has taken effect. */
export async function stopped(program: Program): Promise<void> {
  program.signal('SIGSTOP');
  await until('the stop', () => stateOf(program.pid) === 'T');
}

/** Text of so many characters that is different for each `n`, with UTF-8 in it. */
export function text(n: number, characters: number): string {
  const seed = `${n} größer 信号 🚦 `;
  return Array.from(seed.repeat(Math.ceil(characters / 10)))
    .slice(0, characters)
    .join('');
}
