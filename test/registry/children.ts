import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { TestContext } from 'node:test';
import { endAfter } from '../end-after.ts';
import { until as waitFor } from '../until.ts';

/** A new directory of our own, mode 0700, removed after the test. */
export function tempDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'sigmq-registry-'));
  endAfter(t, () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  /** The next line on its stdout; undefined at its end. */
  line(): Promise<string | undefined>;
  say(text: string): void;
  /** Ends it, and resolves when its parent (we) has taken note. */
  kill(signal: NodeJS.Signals): Promise<void>;
  readonly exited: Promise<number | null>;
}

/** Starts a real process; it ends with the test. */
export function start(t: TestContext, command: string, args: readonly string[]): Child {
  const process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  if (process.pid === undefined) throw new Error(`${command} does not start`);
  const exited = new Promise<number | null>((resolve) => process.once('exit', resolve));
  process.stdin.on('error', () => {}); // it may have ended before it read
  const lines: Interface = createInterface(process.stdout);
  const iterator = lines[Symbol.asyncIterator]();
  endAfter(t, async () => {
    process.kill('SIGKILL');
    await exited;
  });
  return {
    pid: process.pid,
    process,
    exited,
    line: async () => (await iterator.next()).value as string | undefined,
    say: (text) => process.stdin.write(text),
    async kill(signal) {
      process.kill(signal);
      await exited;
    },
  };
}

/** A process that a signal would kill. */
export function stranger(t: TestContext): Child {
  return start(t, 'sleep', ['600']);
}

/** A plain peer, as another language would write it. */
export async function catcher(t: TestContext): Promise<Child> {
  return ready(
    startPython(t, 'signal.signal(signal.SIGUSR1, f); signal.signal(signal.SIGUSR2, f)'),
  );
}

/** Blocks both signals, as an echo peer does. */
export async function blocker(t: TestContext): Promise<Child> {
  return ready(startPython(t, 'block(signal.SIGUSR1, signal.SIGUSR2)'));
}

/** Blocks the one and catches the other. */
export async function mixed(t: TestContext): Promise<Child> {
  return ready(startPython(t, 'block(signal.SIGUSR1); signal.signal(signal.SIGUSR2, f)'));
}

/** Runs statements, says "ready", then waits for its stdin to end. */
export function startPython(t: TestContext, statements: string): Child {
  const program = `
import os, signal, sys
def f(n, frame): pass
def block(*signals): signal.pthread_sigmask(signal.SIG_BLOCK, signals)
${statements}
print('ready', flush=True)
while True: sys.stdin.read(); signal.pause()
`;
  return start(t, 'python3', ['-c', program]);
}

export async function ready(child: Child): Promise<Child> {
  const line = await child.line();
  if (line !== 'ready') throw new Error(`expected "ready", got ${line}`);
  return child;
}

/** Runs an ES module that can import from src/registry/ as `registry('name')`. */
export function startModule(t: TestContext, source: string, ...args: string[]): Child {
  return start(t, process.execPath, ['--input-type=module', '-e', source, ...args]);
}

/** The specifier of a module of ours, as a string literal. */
export function registry(name: string): string {
  return JSON.stringify(new URL(`../../src/registry/${name}.js`, import.meta.url).href);
}

/** Waits for a condition that says enough of itself. */
export async function until(condition: () => boolean): Promise<void> {
  await waitFor(String(condition), condition);
}

/** The PID of a process that has ended. */
export async function gonePid(t: TestContext): Promise<number> {
  const child = start(t, 'true', []);
  await child.exited;
  return child.pid;
}
