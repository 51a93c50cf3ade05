import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { Reason } from '../codec/reason.ts';
import { type Bit, bitAt, SignalCodec } from '../codec/signal-codec.ts';
import {
  isDead,
  isStopped,
  type ProcessInfo,
  type ProcessTable,
} from '../registry/process-table.ts';
import { vetTarget } from '../registry/vet.ts';
import type { Addon } from '../signals/addon.ts';
import { Descriptor } from '../signals/descriptor.ts';
import type { Hold } from './bus.ts';
import { LinkError, linkErrors } from './errors.ts';
import {
  AWAIT,
  type EchoMachine,
  FINISHED,
  type FrameOutcome,
  FrameSender,
} from './frame-sender.ts';
import { Synchroniser } from './synchroniser.ts';
import { type EchoTarget, Transfer } from './transfer.ts';
import { Wire, type WireEvents } from './wire.ts';

/** How often a transfer without progress is looked at; ms. */
const LOOK_MS = 20;
/** A peer that is stopped for so long is given up; ms. Short enough to free the bus within a second. */
const STOPPED_MS = 500;
/** A peer that runs but does not echo for so long is given up; ms. */
const SILENT_MS = 1000;
/** A peer that has the whole frame may take so long to store it; ms. */
const ANSWER_MS = 30_000;
/** No signal for so long, and none pending there: whatever was on its way has arrived; ms. */
const QUIET_MS = 3;
/** Rounds of synchronising; each loses at most a few bits, and two are enough on a quiet machine. */
const MAX_SYNC_ROUNDS = 20;

/**
 * A frame that every receiver refuses as damaged: no envelope, and no UTF-8 either. Ones, then zeros: what
 * is out of step by any number of bits does not end where it does.
 */
const TEST_FRAME = SignalCodec.encode(Uint8Array.of(0xff));

export interface SendOptions {
  /** Gives the frame up. */
  readonly signal?: AbortSignal | undefined;
  /** Called every {@link LOOK_MS} or so with the bits echoed so far. */
  readonly onProgress?: ((sentBits: number, totalBits: number) => void) | undefined;
  /** Called with each echo; costs speed. */
  readonly onEcho?: ((echo: Bit) => void) | undefined;
}

/** What happens to a transfer, seen from outside its machine. */
interface Watch {
  readonly signal?: AbortSignal | undefined;
  onLook?(): void;
  /** How long the peer may keep silent; ms. */
  patience(): number;
}

/** Sends machines' bits to one peer at a time, under a hold of the bus, and notices when it fails. */
export class Outbound {
  readonly wire: Wire;
  readonly #addon: Addon;
  readonly #table: ProcessTable;
  readonly #pump: () => void;
  /**
   * Peers to which a frame was given up in the middle, with their start time. Of the process, not of a
   * link: they know us by our PID.
   */
  static readonly #outOfStep = new Map<number, number>();
  /** Of the frame under way. */
  #peer: Descriptor | undefined;
  #transfer: Transfer | undefined;
  #hold: Hold | undefined;
  /** Of the hold, when the transfer began. */
  #pauses = 0;
  #strayAt = 0;
  #strays = 0;
  #onEcho: ((echo: Bit) => void) | undefined;

  /**
   * @param pump takes signals; called after the first bit of a machine
   * @param inbound who receives over the same wire
   */
  constructor(
    addon: Addon,
    table: ProcessTable,
    pump: () => void,
    inbound: Pick<WireEvents, 'onEchoed' | 'onUnreachable'>,
  ) {
    this.#addon = addon;
    this.#table = table;
    this.#pump = pump;
    this.wire = new Wire(addon, {
      mayGoOn: this.#mayGoOn,
      onUnreachable: (pid) => {
        this.#onUnreachable(pid);
        inbound.onUnreachable(pid);
      },
      onEchoes: this.#onEchoes,
      onEchoed: (bytes, partial, bits) => inbound.onEchoed(bytes, partial, bits),
    });
  }

  /** Readable when the peer of this moment ends; -1 without one. */
  get pidfd(): number {
    return this.#peer?.fd ?? -1;
  }

  set hold(hold: Hold | undefined) {
    this.#hold = hold;
  }

  get busy(): boolean {
    return this.#transfer !== undefined;
  }

  /**
   * Sends one frame (with its zero byte). Whoever gets an error does not know whether the frame arrived.
   * @throws LinkError peer-gone, peer-stalled, bus-lost, out-of-step, unsafe-target, link-closed;
   *   the reason of `signal`
   */
  async send(target: EchoTarget, frame: Uint8Array, options: SendOptions): Promise<FrameOutcome> {
    this.#peer = new Descriptor(this.#addon, target.pid);
    try {
      this.#vet(target);
      if (Outbound.#outOfStep.get(target.pid) === target.start) {
        await this.#synchronise(target, options.signal);
      }
      const sender = new FrameSender(frame);
      this.#onEcho = options.onEcho;
      try {
        await this.#run(target, sender, {
          signal: options.signal,
          onLook: () => options.onProgress?.(sender.sent, sender.total),
          patience: () => (sender.awaitsAnswer ? ANSWER_MS : SILENT_MS),
        });
      } catch (error) {
        if (error instanceof LinkError) {
          error.answerPending = sender.awaitsAnswer || sender.outcome !== undefined;
        }
        throw error;
      }
      return sender.outcome ?? { kind: 'out-of-step' };
    } finally {
      this.#peer.close();
      this.#peer = undefined;
      this.#onEcho = undefined;
    }
  }

  /** Takes a signal that is an echo, or a late one of a frame that was given up; else false. */
  onSignal(pid: number, bit: Bit, now: number, holdsBus: (pid: number) => boolean): boolean {
    const transfer = this.#transfer;
    if (transfer?.target.pid === pid) {
      this.#onEcho?.(bit);
      const next = transfer.onEcho(bit);
      if (next === FINISHED) this.#onFinished(transfer);
      else if (next !== AWAIT) this.wire.send(this.#peer as Descriptor, next);
      return true;
    }
    const outOfStep = Outbound.#outOfStep;
    if (outOfStep.size === 0 || !outOfStep.has(pid) || holdsBus(pid)) return false;
    this.#strayAt = now;
    this.#strays++;
    return true;
  }

  readonly #onEchoes: WireEvents['onEchoes'] = ({ bytes }, from, to) => {
    for (let n = from; this.#onEcho && n < to; n++) this.#onEcho(bitAt(bytes, n));
    this.#transfer?.onEchoes(to - from);
  };

  /** Whether a signal of this process may be an echo, also a late one. */
  expects(pid: number): boolean {
    return this.#transfer?.target.pid === pid || Outbound.#outOfStep.has(pid);
  }

  /** At once: when the end is not to be trusted, an echo may still be on its way, and must not be taken for a bit. */
  #onFinished({ machine, target }: Transfer): void {
    this.#transfer = undefined;
    const isOut = machine instanceof FrameSender && machine.outcome?.kind === 'out-of-step';
    if (isOut || this.#stoodStill) this.#loseStep(target);
  }

  /** Since the transfer began. Meanwhile its peer may have forgotten the frame, and takes us for another's start. */
  get #stoodStill(): boolean {
    return (this.#hold?.pauses ?? 0) !== this.#pauses;
  }

  /**
   * After a pause: whether the bus is still ours, or was not needed, no frame is cut in two by it, and the
   * peer is still that process.
   */
  readonly #mayGoOn = (pid: number): boolean => {
    if (this.#hold && !this.#hold.check()) {
      this.giveUp(linkErrors.busLost());
      return false;
    }
    const transfer = this.#transfer;
    if (transfer && this.#stoodStill) {
      if (transfer.echoes > 0) this.giveUp(linkErrors.busLost());
      else this.#pauses = this.#hold?.pauses ?? 0; // nothing has been sent yet
    }
    const target = transfer?.target;
    if (target?.pid === pid && transfer !== this.#transfer) return false;
    const start = target?.pid === pid ? target.start : undefined;
    const vetted = vetTarget(pid, { start }, this.#table);
    if (vetted.ok && vetted.kind === 'echo') return true;
    this.#onUnreachable(pid);
    return false;
  };

  readonly #onUnreachable = (pid: number): void => {
    if (this.#transfer?.target.pid === pid) this.giveUpGone();
  };

  giveUpGone(): void {
    if (this.#transfer) this.giveUp(linkErrors.gone(this.#transfer.target.pid));
  }

  /** Fails the transfer. How far the peer got is not known: it may hold a part of the frame, or all. */
  giveUp(error: unknown): void {
    const transfer = this.#transfer;
    if (!transfer) return;
    this.#transfer = undefined;
    this.wire.cancel();
    this.#loseStep(transfer.target);
    transfer.fail(error);
  }

  #loseStep(target: EchoTarget): void {
    for (const [pid, start] of Outbound.#outOfStep) {
      if (this.#table.read(pid)?.start !== start) Outbound.#outOfStep.delete(pid);
    }
    Outbound.#outOfStep.set(target.pid, target.start);
  }

  /** Section 2, before the first signal of every frame. */
  #vet({ pid, start }: EchoTarget): void {
    const vetted = vetTarget(pid, { start }, this.#table);
    if (!vetted.ok) throw linkErrors.unsafe(pid, vetted.why);
    if (vetted.kind !== 'echo') throw linkErrors.notEcho(pid);
  }

  async #synchronise(target: EchoTarget, signal: AbortSignal | undefined): Promise<void> {
    for (let round = 0; round < MAX_SYNC_ROUNDS; round++) {
      await this.#quiet(target);
      const synchroniser = new Synchroniser();
      await this.#run(target, synchroniser, { signal, patience: () => SILENT_MS });
      if (!synchroniser.inStep || !(await this.#prove(target, signal))) continue;
      Outbound.#outOfStep.delete(target.pid);
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
    await this.#run(target, test, { signal, patience: () => SILENT_MS });
    this.#pump(); // an echo that is one too many is pending by now
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
      if (clockMs() - since > patience) throw linkErrors.stalled(pid);
      await sleep(QUIET_MS);
      info = this.#table.read(pid);
      // One that is stopped may have taken a bit that it has not echoed.
    } while (info?.pending || (info && isStopped(info)) || clockMs() - this.#strayAt < QUIET_MS);
  }

  async #run(target: EchoTarget, machine: EchoMachine, watch: Watch): Promise<void> {
    watch.signal?.throwIfAborted();
    const transfer = new Transfer(target, machine);
    const abort = () => this.giveUp(watch.signal?.reason);
    watch.signal?.addEventListener('abort', abort);
    const timer = this.#watchStall(transfer, watch);
    this.#transfer = transfer;
    this.#pauses = this.#hold?.pauses ?? 0;
    try {
      this.wire.send(this.#peer as Descriptor, machine.first);
      this.#pump();
      await transfer.done;
      if (this.#stoodStill) {
        this.#loseStep(target);
        throw linkErrors.busLost();
      }
    } finally {
      clearInterval(timer);
      watch.signal?.removeEventListener('abort', abort);
    }
  }

  /** Fails a transfer whose peer ended, is stopped, or has said nothing for too long. */
  #watchStall(transfer: Transfer, watch: Watch): NodeJS.Timeout {
    const { pid, start } = transfer.target;
    let echoes = transfer.echoes;
    let since = clockMs();
    return setInterval(() => {
      const now = clockMs();
      watch.onLook?.();
      if (transfer.echoes !== echoes) {
        echoes = transfer.echoes;
        since = now;
        return;
      }
      const info = this.#table.read(pid);
      if (!info || info.start !== start || isDead(info)) this.giveUpGone();
      else if (now - since > (isStopped(info) ? STOPPED_MS : watch.patience())) {
        this.giveUp(linkErrors.stalled(pid, transfer.echoes));
      }
    }, LOOK_MS);
  }
}
