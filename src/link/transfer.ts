import type { Bit } from '../codec/signal-codec.ts';
import {
  isRunning,
  isStopped,
  type ProcessInfo,
  type ProcessTable,
} from '../registry/process-info.ts';
import { isUsedUp, signalQueue } from '../registry/signal-queue.ts';
import type { Descriptor } from '../signals/descriptor.ts';
import { Unchanged } from '../unchanged.ts';
import { type LinkError, linkErrors } from './errors.ts';
import { type EchoMachine, FINISHED, type Next } from './frame-sender.ts';
import type { Lease } from './lease.ts';

/** A peer that is stopped for so long is given up; ms. Short enough to free the bus within a second. */
export const STOPPED_PEER_MS = 500;
/** A peer that runs but does not echo for so long is given up; ms. */
export const ECHO_TIMEOUT_MS = 1000;
/** A peer that has the whole frame may take so long to store it; ms. */
export const ANSWER_TIMEOUT_MS = 30_000;
/** How often a transfer without progress is looked at; ms. */
export const STALL_LOOK_MS = 20;

/** A process that blocks both signals and is to get frames. */
export interface EchoTarget {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  readonly start: number;
}

/** A process that catches both signals. */
export interface PlainTarget extends EchoTarget {
  /** It says that it is a plain peer, by a line of its own. */
  readonly saysPlain: boolean;
}

/** By what right bits go to a peer, and how they get there. */
export interface Route {
  readonly lease: Pick<Lease, 'check' | 'pauses'>;
  readonly target: EchoTarget;
  readonly peer: Descriptor;
  /** Gives up what is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** One machine that runs against one peer, and who waits for its end. */
export class Transfer {
  readonly route: Route;
  readonly machine: EchoMachine;
  readonly done: Promise<void>;
  /** Echoes taken. */
  echoes = 0;
  readonly #progress = new Unchanged();
  readonly #answerMs: number;
  /** Of the lease, when this began. */
  #pauses: number;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};

  /** @param answerMs how long the peer may keep silent that has all of a frame, and is to answer it */
  constructor(route: Route, machine: EchoMachine, answerMs: number) {
    this.route = route;
    this.machine = machine;
    this.#answerMs = answerMs;
    this.#progress.forMs(0);
    this.#pauses = route.lease.pauses;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /**
   * Whether this process has stood still since the transfer began. The peer may have dropped the frame meanwhile, and
   * would take the next bit for the first of another.
   */
  get stoodStill(): boolean {
    return this.route.lease.pauses !== this.#pauses;
  }

  /** Whether it may go on after a pause: the bus is still ours, and the frame was not cut in two. */
  survivesPause(): boolean {
    if (!this.route.lease.check()) return false;
    if (!this.stoodStill) return true;
    if (this.echoes > 0) return false;
    // Nothing has been sent: as if it began now.
    this.#pauses = this.route.lease.pauses;
    return true;
  }

  /** What the machine asks for next; resolves {@link done} when it has finished. */
  onEcho(echo: Bit): Next {
    this.echoes++;
    const next = this.machine.onEcho(echo);
    if (next === FINISHED) this.#resolve();
    return next;
  }

  /** Takes so many echoes in the middle of a run, all as expected. */
  onEchoes(count: number): void {
    this.echoes += count;
    this.machine.onEchoes(count);
  }

  /** Why it is to be given up, if it is: its peer has ended, is stopped, or keeps silent. Ask every now and then. */
  stall(table: ProcessTable): LinkError | undefined {
    const { pid, start } = this.route.target;
    const silentMs = this.#progress.forMs(this.echoes);
    if (silentMs === 0) return undefined;
    const info = table.read(pid);
    if (!isRunning(info, start)) return linkErrors.gone(pid);
    const timeout = this.machine.awaitsAnswer ? this.#answerMs : ECHO_TIMEOUT_MS;
    const isStalled = silentMs > (isStopped(info) ? STOPPED_PEER_MS : timeout);
    return isStalled ? unanswered(pid, info, this.echoes) : undefined;
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}

/** Why a process that lives does not answer: it may be that it, or we, cannot know whose signals come. */
export function unanswered(pid: number, info: ProcessInfo | undefined, echoes?: number): LinkError {
  for (const side of [pid, process.pid]) {
    const queue = signalQueue(side);
    if (isUsedUp(queue)) return linkErrors.noSignalQueue(side, queue);
  }
  return isStopped(info) ? linkErrors.stopped(pid) : linkErrors.stalled(pid, echoes);
}
