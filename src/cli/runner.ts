import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from '../client/consumer.ts';
import { Exit } from '../errors.ts';

/** A message that CMD wants again later (exit 75) waits so long here, or it would come back at once; ms. */
const TRY_AGAIN_MS = 1000;
/** What a shell exits with when it cannot run a command (POSIX.1-2024, XCU 2.8.2). */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/** A handler's error that says what becomes of the message. */
class Settled extends Error {
  readonly settle: 'release' | 'dead' | undefined;

  constructor(sentence: string, settle?: 'release' | 'dead') {
    super(sentence);
    this.settle = settle;
  }
}

/** Runs a command for each message, without a shell, with the body on its standard input. */
export class Runner {
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #children = new Set<ChildProcess>();
  readonly #onHopeless: (code: number) => void;
  #stopping = false;

  /** @param onHopeless the command cannot be run at all; `code` is what to exit with */
  constructor([command = '', ...args]: readonly string[], onHopeless: (code: number) => void) {
    this.#command = command;
    this.#args = args;
    this.#onHopeless = onHopeless;
  }

  /** Resolves when the message is done; rejects with what becomes of it otherwise. */
  async run(message: Message): Promise<void> {
    const { code, signal } = await this.#spawn(message);
    if (code === 0) return;
    if (code === NOT_EXECUTABLE || code === NOT_FOUND) {
      this.#onHopeless(code);
      throw new Settled(`${this.#command} cannot be run.`, 'release');
    }
    if (code === Exit.BadData) throw new Settled(`${this.#command} rejected it for good.`, 'dead');
    if (code === Exit.TryAgain) {
      if (!this.#stopping) await sleep(TRY_AGAIN_MS);
      throw new Settled(`${this.#command} wants it again later.`, 'release');
    }
    throw new Settled(`${this.#command} ended with ${code ?? signal}.`);
  }

  /** From now on a pause is not worth it. */
  stopping(): void {
    this.#stopping = true;
  }

  /** Ends what runs. Each has a process group of its own, so that Ctrl-C lets it finish. */
  kill(): void {
    for (const { pid } of this.#children) if (pid !== undefined) process.kill(-pid, 'SIGTERM');
  }

  /** @throws Settled it cannot be started */
  #start(message: Message): ChildProcess {
    const variables = variablesOf(message);
    // No environment has a zero byte; our own `send` takes none, other programs may.
    if (Object.values(variables).some((value) => value.includes('\0')))
      throw new Settled('It has a header with a zero byte, which no command can get.', 'dead');
    try {
      return spawn(this.#command, this.#args, {
        stdio: ['pipe', 'inherit', 'inherit'],
        env: { ...process.env, ...variables },
        detached: true,
      });
    } catch (error) {
      // Some failures are thrown, others are events (child_process.js, ChildProcess.prototype.spawn).
      this.#onHopeless(NOT_EXECUTABLE);
      throw new Settled(`${this.#command} cannot be run: ${(error as Error).message}.`, 'release');
    }
  }

  #spawn(message: Message): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    return new Promise((resolve) => {
      // libuv gives a child an empty signal mask and default actions (uv_spawn).
      const child = this.#start(message);
      this.#children.add(child);
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#children.delete(child);
        resolve({ code, signal });
      };
      child.on('error', (error: NodeJS.ErrnoException) => {
        if (child.pid === undefined)
          end(error.code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE, null);
      });
      child.on('exit', end);
      child.stdin?.on('error', () => {}); // it need not read
      child.stdin?.end(message.body);
    });
  }
}

function variablesOf({ id, queue, attempt, headers }: Message): Record<string, string> {
  return {
    SIGMQ_ID: String(id ?? ''),
    SIGMQ_QUEUE: queue,
    SIGMQ_ATTEMPT: String(attempt),
    ...Object.fromEntries(
      headers.map(([name, value]) => [
        `SIGMQ_HEADER_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`,
        value,
      ]),
    ),
  };
}
