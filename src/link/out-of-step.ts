import { ofProcess } from '../of-process.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import type { Bus } from './bus.ts';
import type { EchoTarget } from './transfer.ts';

/** What a bus shows of who had it last. */
export type LastHolder = Pick<Bus, 'holder' | 'isOurs' | 'mayBeOurs'>;

/** Knows which peers are out of step with us (docs/protocol.md, section 4). */
export class OutOfStep {
  /**
   * Peers to which a frame was given up in the middle, with their start time. Of the process, not of a
   * link: they know us by our PID.
   */
  static readonly #starts = ofProcess('outOfStep', () => new Map<number, number>());
  readonly #table: ProcessTable;
  readonly #bus: LastHolder;
  #late = 0;
  #lateAt = 0;

  constructor(table: ProcessTable, bus: LastHolder) {
    this.#table = table;
    this.#bus = bus;
  }

  /** Late echoes so far. */
  get late(): number {
    return this.#late;
  }

  /** When the last one came, by `clockMs()`. */
  get lateAt(): number {
    return this.#lateAt;
  }

  /** A frame to it was given up, or the end of one is not to be trusted. Never throws. */
  add({ pid, start }: EchoTarget): void {
    for (const [other, itsStart] of OutOfStep.#starts) {
      if (!this.#mayBe(other, itsStart)) OutOfStep.#starts.delete(other);
    }
    OutOfStep.#starts.set(pid, start);
  }

  delete({ pid }: EchoTarget): void {
    OutOfStep.#starts.delete(pid);
  }

  has({ pid, start }: EchoTarget): boolean {
    return OutOfStep.#starts.get(pid) === start;
  }

  /** Whether a signal of that PID may be a late echo. */
  hasPid(pid: number): boolean {
    return OutOfStep.#starts.has(pid);
  }

  /**
   * Takes a signal that is a late echo of a frame that was given up; from a process that holds the bus it is a bit.
   * @returns false when it is no late echo
   */
  takeLate(pid: number, now: number): boolean {
    if (!this.hasPid(pid) || this.#bus.holder === pid) return false;
    this.#noteLate(now);
    return true;
  }

  /**
   * Takes a signal of an echo peer that can be no bit: nobody else has had the bus since this process had it. Either
   * it is late, or it is the echo of an echo of ours that was late and was taken for a bit.
   * @returns false when somebody has had it
   */
  takeStray(peer: EchoTarget, now: number): boolean {
    if (!this.#bus.isOurs) return false;
    this.add(peer);
    this.#noteLate(now);
    return true;
  }

  /** Whether a signal of an echo peer that is no echo may be a stray; without a look: false is certain. */
  get mayBeStray(): boolean {
    return this.#bus.mayBeOurs;
  }

  #noteLate(now: number): void {
    this.#lateAt = now;
    this.#late++;
  }

  /** Also true of one that cannot be looked at now, for want of descriptors. */
  #mayBe(pid: number, start: number): boolean {
    try {
      return this.#table.read(pid)?.start === start;
    } catch {
      return true;
    }
  }
}
