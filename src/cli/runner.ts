import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from '../client/message.ts';
import { clockMs } from '../clock.ts';
import { Exit, type SigmqError } from '../errors.ts';
import { Job, type JobEnd } from './job.ts';
import { isOfInput, isPassing, jobErrors, type NotDone } from './job-errors.ts';
import { openBody } from './job-input.ts';
import { JobStderr } from './job-stderr.ts';
import { variablesOf } from './job-variables.ts';
import { callersOpenFiles, withOpenFiles } from './open-files.ts';
import { ENDING, type EndingSignal } from './shutdown.ts';

/**
 * First pause before a command that could not be started for a temporary reason is tried again; it doubles each
 * time; ms.
 */
const FIRST_START_PAUSE_MS = 20;
/** After this the message goes back, and perhaps to another consumer; ms. */
const START_PATIENCE_MS = 1000;
/**
 * Whoever stops a service signals its processes one after the other, and we may learn of the end of a command
 * before our own signal, or after it; ms. On a busy machine a process may wait some 100 ms for its turn.
 */
const SAME_STOP_MS = 500;

export interface RunnerOptions {
  readonly command: readonly string[];
  /** Where a body is put if there is no room in the folder for temporary files. */
  readonly folder: string;
  /** A command that takes longer is terminated; ms. */
  readonly timeoutMs?: number | undefined;
  /** The command cannot be started, whatever the message. */
  onHopeless(error: SigmqError): void;
}

/** Runs a command for each message, without a shell, with the body on its standard input. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #name: string;
  readonly #openFiles = callersOpenFiles();
  readonly #jobs = new Set<Job>();
  readonly #stopping = new AbortController();
  #isKilled = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#name = options.command[0] ?? '';
  }

  /** Resolves when the message is done; otherwise rejects with what becomes of it. */
  async run(message: Message): Promise<void> {
    const end = await this.#attempt(message);
    const { said } = end;
    if (end.isOverdue) throw jobErrors.overdue(this.#name, this.#options.timeoutMs ?? 0, said);
    if (end.code === 0) return;
    if (end.code === Exit.BadData) throw jobErrors.rejected(this.#name, said);
    if (end.code === Exit.TryAgain) throw jobErrors.later(this.#name);
    const signal = signalOf(end);
    if (signal !== undefined && (await this.#isStoppedBy(signal))) {
      throw jobErrors.stopped(this.#name, signal);
    }
    throw jobErrors.failed(this.#name, end.code ?? end.signal ?? '', said);
  }

  /** The consumer takes nothing more. @param signal what told it to stop, if it was a signal */
  stopping(signal?: EndingSignal): void {
    this.#stopping.abort(signal);
  }

  /** Tells the running commands to end. Each has a process group of its own, so that Ctrl-C lets it finish. */
  kill(): void {
    this.#isKilled = true; // including one that is being started
    for (const job of this.#jobs) job.terminate();
  }

  async #attempt(message: Message): Promise<JobEnd> {
    const job = await this.#start(message);
    this.#jobs.add(job);
    if (this.#isKilled) job.terminate();
    const end = await job.ended;
    this.#jobs.delete(job);
    return end;
  }

  /** Keeps trying for a moment if the reason is temporary. @throws an error that says how the message is settled */
  async #start(message: Message): Promise<Job> {
    const variables = variablesOf(message);
    // An environment cannot contain a zero byte; our own `send` accepts none, other programs may.
    if (Object.values(variables).some((value) => value?.includes('\0'))) throw jobErrors.zeroByte();
    const giveUpAt = clockMs() + START_PATIENCE_MS;
    for (let pause = FIRST_START_PAUSE_MS; ; pause *= 2) {
      try {
        return await this.#spawn(message.body, variables);
      } catch (error) {
        const reason = error as NodeJS.ErrnoException;
        const again = isPassing(reason) || isOfInput(reason);
        if (!again || this.#isStopping || clockMs() + pause > giveUpAt) {
          throw this.#notStarted(reason);
        }
        await this.#pause(pause);
      }
    }
  }

  async #spawn(body: Uint8Array, env: NodeJS.ProcessEnv): Promise<Job> {
    const [command = '', ...args] = this.#options.command;
    const stdin = openBody(body, this.#options.folder);
    let stderr: JobStderr | undefined;
    let child: ChildProcess;
    try {
      stderr = JobStderr.open();
      // libuv gives a child an empty signal mask and default actions (uv_spawn).
      child = withOpenFiles(this.#openFiles, () =>
        spawn(command, args, {
          stdio: [stdin, 'inherit', stderr?.writer ?? 'inherit'],
          ...{ env, detached: true },
        }),
      );
    } finally {
      closeSync(stdin);
      stderr?.started();
    }
    if (child.pid !== undefined) return new Job(child, this.#options.timeoutMs, undefined, stderr);
    // Some failures are thrown, others are events (child_process.js, ChildProcess.prototype.spawn).
    const [error] = (await once(child, 'error')) as [NodeJS.ErrnoException];
    throw error;
  }

  #notStarted(reason: NodeJS.ErrnoException): NotDone {
    const name = this.#name;
    if (isPassing(reason)) return jobErrors.passing(name, reason);
    if (isOfInput(reason)) return jobErrors.noInput(reason);
    // The words of the command are the same for all messages: it is the headers of this message.
    if (reason.code === 'E2BIG') return jobErrors.tooLarge(name);
    this.#options.onHopeless(jobErrors.hopeless(name, reason, existsSync(name)));
    return jobErrors.notStarted(name);
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Ends early if the consumer stops. */
  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }

  /** Waits for a moment to see whether the same signal stops us. */
  async #isStoppedBy(signal: string): Promise<boolean> {
    if (!ENDING.some((ending) => ending === signal)) return false;
    await this.#pause(SAME_STOP_MS);
    return this.#isStopping && this.#stopping.signal.reason === signal;
  }
}

/** The signal that a command died of, even if it ran in a shell, which then exits with 128+n. */
function signalOf({ code, signal }: JobEnd): string | undefined {
  if (signal) return signal;
  return Object.entries(constants.signals).find(([, number]) => code === 128 + number)?.[0];
}
