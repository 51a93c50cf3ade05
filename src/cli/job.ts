import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { LongTimer } from '../long-timer.ts';
import type { JobStderr } from './job-stderr.ts';

/** How long a command that was told to end may take before it is killed; ms. Half of what docker allows. */
const GRACE_MS = 5000;
/** How often to check whether the rest of a command has ended after its first process has; ms. */
const GROUP_LOOK_MS = 50;

/** How a command ended. */
export interface JobEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It was terminated because it took too long. */
  readonly isOverdue: boolean;
  /** The end of what it said on its standard error; empty: nothing, or it is not known. */
  readonly said: string;
}

/** A running command, in a process group of its own. */
export class Job {
  /** Never rejects. */
  readonly ended: Promise<JobEnd>;
  readonly #group: number;
  readonly #graceMs: number;
  readonly #stderr: Pick<JobStderr, 'end'> | undefined;
  #killAt: number | undefined;
  #timer: LongTimer | undefined;

  /**
   * @param child just started, with `detached`
   * @param stderr its standard error; undefined: it has ours
   */
  constructor(
    child: ChildProcess,
    timeoutMs: number | undefined,
    graceMs = GRACE_MS,
    stderr?: Pick<JobStderr, 'end'>,
  ) {
    this.#stderr = stderr;
    this.#group = child.pid as number;
    this.#graceMs = graceMs;
    if (timeoutMs !== undefined) this.#timer = new LongTimer(() => this.#onOverdue(), timeoutMs);
    this.ended = new Promise<JobEnd>((resolve) => {
      child.on('exit', (code, signal) => resolve(this.#end(code, signal)));
    });
  }

  /** Tells the whole group to end. */
  terminate(): void {
    this.#signal('SIGTERM');
  }

  /** Ends the whole group at once. */
  kill(): void {
    this.#signal('SIGKILL');
  }

  #onOverdue(): void {
    this.#killAt = clockMs() + this.#graceMs;
    this.#timer = new LongTimer(() => this.#signal('SIGKILL'), this.#graceMs);
    this.terminate();
    this.#signal('SIGCONT'); // a stopped process would not notice
  }

  async #end(code: number | null, signal: NodeJS.Signals | null): Promise<JobEnd> {
    this.#timer?.clear();
    if (this.#killAt === undefined) return { code, signal, isOverdue: false, said: this.#said };
    // A shell may be gone while its program carries on, beside the next attempt.
    while (this.#signal(0) && clockMs() < this.#killAt) await sleep(GROUP_LOOK_MS);
    this.#signal('SIGKILL');
    return { code, signal, isOverdue: true, said: this.#said };
  }

  get #said(): string {
    return this.#stderr?.end() ?? '';
  }

  /** False if nobody is left there. The group's number is not reused as long as it has a process. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    try {
      return process.kill(-this.#group, signal);
    } catch {
      return false;
    }
  }
}
