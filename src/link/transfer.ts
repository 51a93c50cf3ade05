import type { Bit } from '../codec/signal-codec.ts';
import { type EchoMachine, FINISHED, type Next } from './frame-sender.ts';

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

/** One machine that runs against one peer, and who waits for its end. */
export class Transfer {
  readonly target: EchoTarget;
  readonly machine: EchoMachine;
  readonly done: Promise<void>;
  /** Echoes taken; the stall watch compares it. */
  echoes = 0;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(target: EchoTarget, machine: EchoMachine) {
    this.target = target;
    this.machine = machine;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** What the machine asks for next; resolves {@link done} when it has finished. */
  onEcho(echo: Bit): Next {
    this.echoes++;
    const next = this.machine.onEcho(echo);
    if (next === FINISHED) this.#resolve();
    return next;
  }

  /** In the middle of a run, as expected. */
  onEchoes(count: number): void {
    this.echoes += count;
    this.machine.onEchoes(count);
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}
