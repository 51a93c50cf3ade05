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
import { JobOutput } from './job-output.ts';
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

const NOTHING = new Uint8Array();

export interface RunnerOptions {
  readonly command: readonly string[];
  /** Where a body is put if there is no room in the folder for temporary files. */
  readonly folder: string;
  /** A command that takes longer is terminated; ms. */
  readonly timeoutMs?: number | undefined;
  /** The command cannot be started, whatever the message. */
  onHopeless(error: SigmqError): void;
}

/** What a command is to work on. */
export interface Work {
  /** What it reads. */
  readonly body: Uint8Array;
  readonly variables: NodeJS.ProcessEnv;
  /** Its output is not ours, but part of its end, as long as it is not longer than this; bytes. */
  readonly maxOutputBytes?: number | undefined;
}

export interface WorkEnd extends JobEnd {
  /** What it has written; nothing if it is ours. */
  readonly output: Uint8Array;
  /** It wrote more than is allowed, and was killed. */
  readonly isTooLong: boolean;
}

/** Runs a command without a shell, with what it is to work on, as of a message, on its standard input. */
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
    const end = await this.execute({ body: message.body, variables: variablesOf(message) });
    const failure = await this.failureOf(end);
    if (failure) throw failure;
  }

  /** @throws NotDone it could not be started */
  async execute(work: Work): Promise<WorkEnd> {
    const { maxOutputBytes } = work;
    const output = maxOutputBytes === undefined ? undefined : this.#outputFor(maxOutputBytes);
    try {
      const job = await this.#start(work, output?.writer);
      output?.watch(() => job.kill());
      this.#jobs.add(job);
      if (this.#isKilled) job.terminate();
      const end = await job.ended;
      this.#jobs.delete(job);
      return { ...end, output: output?.read() ?? NOTHING, isTooLong: output?.isTooLong === true };
    } finally {
      output?.close();
    }
  }

  /** Why what it worked on is not done, and what becomes of it; undefined: it is done. */
  async failureOf(end: WorkEnd): Promise<NotDone | undefined> {
    const name = this.#name;
    const { said } = end;
    if (end.isTooLong) return jobErrors.tooLong(name, said);
    if (end.isOverdue) return jobErrors.overdue(name, this.#options.timeoutMs ?? 0, said);
    if (end.code === 0) return undefined;
    if (end.code === Exit.BadData) return jobErrors.rejected(name, said);
    if (end.code === Exit.TryAgain) return jobErrors.later(name);
    const signal = signalOf(end);
    if (signal !== undefined && (await this.#isStoppedBy(signal))) {
      return jobErrors.stopped(name, signal);
    }
    return jobErrors.failed(name, end.code ?? end.signal ?? '', {
      said,
      exitCode: exitCodeOf(end),
    });
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

  /** @throws NotDone there is no room for it */
  #outputFor(maxBytes: number): JobOutput {
    try {
      return new JobOutput(maxBytes, this.#options.folder);
    } catch (error) {
      throw this.#notStarted(error as NodeJS.ErrnoException);
    }
  }

  /** Keeps trying for a moment if the reason is temporary. @throws an error that says how the message is settled */
  async #start({ body, variables }: Work, stdout: number | undefined): Promise<Job> {
    // An environment cannot contain a zero byte; our own `send` accepts none, other programs may.
    if (Object.values(variables).some((value) => value?.includes('\0'))) throw jobErrors.zeroByte();
    const giveUpAt = clockMs() + START_PATIENCE_MS;
    for (let pause = FIRST_START_PAUSE_MS; ; pause *= 2) {
      try {
        return await this.#spawn(body, variables, stdout);
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

  async #spawn(body: Uint8Array, env: NodeJS.ProcessEnv, stdout: number | undefined): Promise<Job> {
    const [command = '', ...args] = this.#options.command;
    const stdin = openBody(body, this.#options.folder);
    let stderr: JobStderr | undefined;
    let child: ChildProcess;
    try {
      stderr = JobStderr.open();
      // libuv gives a child an empty signal mask and default actions (uv_spawn).
      child = withOpenFiles(this.#openFiles, () =>
        spawn(command, args, {
          stdio: [stdin, stdout ?? 'inherit', stderr?.writer ?? 'inherit'],
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

/** As a shell would tell it. */
function exitCodeOf({ code, signal }: JobEnd): number | undefined {
  if (code !== null) return code;
  return signal === null ? undefined : 128 + constants.signals[signal];
}
