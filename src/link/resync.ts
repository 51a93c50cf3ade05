import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { Reason } from '../codec/reason.ts';
import { SignalCodec } from '../codec/signal-codec.ts';
import { isStopped, type ProcessInfo, type ProcessTable } from '../registry/process-table.ts';
import { linkErrors } from './errors.ts';
import { type EchoMachine, FrameSender } from './frame-sender.ts';
import { SILENT_MS, STOPPED_MS, unanswered } from './stall-watch.ts';
import { Synchroniser } from './synchroniser.ts';
import type { EchoTarget } from './transfer.ts';

/** No signal for so long, and none pending there: whatever was on its way has arrived; ms. */
const QUIET_MS = 3;
/** Rounds of synchronising; each loses at most a few bits, and two are enough on a quiet machine. */
const MAX_ROUNDS = 20;

/**
 * A frame that every receiver refuses as damaged: no envelope, and no UTF-8 either. Ones, then zeros: what
 * is out of step by any number of bits does not end where it does.
 */
const TEST_FRAME = SignalCodec.encode(Uint8Array.of(0xff));

export interface ResyncOptions {
  readonly table: ProcessTable;
  /** Runs a machine against the peer, to its end. */
  run(target: EchoTarget, machine: EchoMachine, signal: AbortSignal | undefined): Promise<void>;
  /** Takes what signals are pending. */
  pump(): void;
}

/** Knows which peers are out of step with us, and brings them in step again (docs/protocol.md, section 4). */
export class Resync {
  /**
   * Peers to which a frame was given up in the middle, with their start time. Of the process, not of a
   * link: they know us by our PID.
   */
  static readonly #lost = new Map<number, number>();
  readonly #options: ResyncOptions;
  #strayAt = 0;
  #strays = 0;

  constructor(options: ResyncOptions) {
    this.#options = options;
  }

  /** A frame to it was given up, or its end is not to be trusted. */
  lose(target: EchoTarget): void {
    for (const [pid, start] of Resync.#lost) {
      if (this.#options.table.read(pid)?.start !== start) Resync.#lost.delete(pid);
    }
    Resync.#lost.set(target.pid, target.start);
  }

  has(pid: number): boolean {
    return Resync.#lost.has(pid);
  }

  needs({ pid, start }: EchoTarget): boolean {
    return Resync.#lost.get(pid) === start;
  }

  /** Takes a signal that is a late echo of a frame that was given up; else false. */
  onSignal(pid: number, now: number, holdsBus: (pid: number) => boolean): boolean {
    if (Resync.#lost.size === 0 || !this.has(pid) || holdsBus(pid)) return false;
    this.#strayAt = now;
    this.#strays++;
    return true;
  }

  /** @throws LinkError peer-stalled, out-of-step, and what `run` throws */
  async synchronise(target: EchoTarget, signal: AbortSignal | undefined): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      await this.#quiet(target);
      const synchroniser = new Synchroniser();
      await this.#options.run(target, synchroniser, signal);
      if (!synchroniser.inStep || !(await this.#prove(target, signal))) continue;
      Resync.#lost.delete(target.pid);
      return;
    }
    throw linkErrors.outOfStep(target.pid);
  }

  /**
   * Whether the echoes are really those of the bits sent last, and not one behind, which zeros cannot tell:
   * all bits of {@link TEST_FRAME} come back right, its last one is refused, and nothing comes after that.
   */
  async #prove(target: EchoTarget, signal: AbortSignal | undefined): Promise<boolean> {
    const test = new FrameSender(TEST_FRAME);
    const strays = this.#strays;
    await this.#options.run(target, test, signal);
    this.#options.pump(); // an echo that is one too many is pending by now
    const { outcome } = test;
    const isDamaged = outcome?.kind === 'refused' && outcome.reason === Reason.Damaged;
    return isDamaged && test.sent === test.total - 1 && this.#strays === strays;
  }

  /** Waits until no signal is on its way between the peer and us. */
  async #quiet({ pid }: EchoTarget): Promise<void> {
    const since = clockMs();
    let info: ProcessInfo | undefined;
    do {
      const patience = info && isStopped(info) ? STOPPED_MS : SILENT_MS;
      if (clockMs() - since > patience) throw unanswered(pid);
      await sleep(QUIET_MS);
      info = this.#options.table.read(pid);
      // One that is stopped may have taken a bit that it has not echoed.
    } while (info?.pending || (info && isStopped(info)) || clockMs() - this.#strayAt < QUIET_MS);
  }
}
