import { type Bit, bitAt } from '../codec/signal-codec.ts';
import type { ProcessTable } from '../registry/process-table.ts';
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
import type { Inbound } from './inbound.ts';
import { Resync } from './resync.ts';
import { SILENT_MS, type StallWatch, watchStall } from './stall-watch.ts';
import { type EchoTarget, Transfer } from './transfer.ts';
import { Wire, type WireEvents } from './wire.ts';

/** A peer that has the whole frame may take so long to store it; ms. */
const ANSWER_MS = 30_000;

export interface SendOptions {
  /** Gives the frame up. */
  readonly signal?: AbortSignal | undefined;
  /** Called every 20 ms or so with the bits echoed so far. */
  readonly onProgress?: ((sentBits: number, totalBits: number) => void) | undefined;
  /** Called with each echo; costs speed. */
  readonly onEcho?: ((echo: Bit) => void) | undefined;
}

/** Beside its machine. */
interface Run extends Pick<StallWatch, 'onLook' | 'patience'> {
  readonly signal?: AbortSignal | undefined;
}

/** Sends machines' bits to one peer at a time, under a hold of the bus, and notices when it fails. */
export class Outbound {
  readonly wire: Wire;
  readonly #addon: Addon;
  readonly #table: ProcessTable;
  readonly #pump: () => void;
  readonly #inbound: Pick<Inbound, 'startOf'>;
  readonly #resync: Resync;
  /** Of the frame under way. */
  #peer: Descriptor | undefined;
  #transfer: Transfer | undefined;
  #hold: Hold | undefined;
  /** Of the hold, when the transfer began. */
  #pauses = 0;
  #onEcho: ((echo: Bit) => void) | undefined;

  /**
   * @param pump takes signals; called after the first bit of a machine
   * @param inbound who receives over the same wire
   */
  constructor(
    addon: Addon,
    table: ProcessTable,
    pump: () => void,
    inbound: Pick<WireEvents, 'onEchoed' | 'onUnreachable'> & Pick<Inbound, 'startOf'>,
  ) {
    this.#inbound = inbound;
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
    this.#resync = new Resync({
      table,
      pump,
      run: (target, machine, signal) =>
        this.#run(target, machine, { signal, patience: () => SILENT_MS }),
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
      if (this.#resync.needs(target)) await this.#resync.synchronise(target, options.signal);
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
    return this.#resync.onSignal(pid, now, holdsBus);
  }

  readonly #onEchoes: WireEvents['onEchoes'] = ({ bytes }, from, to) => {
    for (let n = from; this.#onEcho && n < to; n++) this.#onEcho(bitAt(bytes, n));
    this.#transfer?.onEchoes(to - from);
  };

  /** Whether a signal of this process may be an echo, also a late one. */
  expects(pid: number): boolean {
    return this.#transfer?.target.pid === pid || this.#resync.has(pid);
  }

  /** At once: when the end is not to be trusted, an echo may still be on its way, and must not be taken for a bit. */
  #onFinished({ machine, target }: Transfer): void {
    this.#transfer = undefined;
    const isOut = machine instanceof FrameSender && machine.outcome?.kind === 'out-of-step';
    if (isOut || this.#stoodStill) this.#resync.lose(target);
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
    try {
      return this.#isAllRight(pid);
    } catch (error) {
      // It cannot be looked at, for want of descriptors: then nothing is sent.
      this.giveUp(error);
      return false;
    }
  };

  #isAllRight(pid: number): boolean {
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
    const start = target?.pid === pid ? target.start : this.#inbound.startOf(pid);
    const vetted = vetTarget(pid, { start }, this.#table);
    if (vetted.ok && vetted.kind === 'echo') return true;
    this.#onUnreachable(pid);
    return false;
  }

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
    this.#resync.lose(transfer.target);
    transfer.fail(error);
  }

  /** Section 2, before the first signal of every frame. */
  #vet({ pid, start }: EchoTarget): void {
    const vetted = vetTarget(pid, { start }, this.#table);
    if (!vetted.ok) throw linkErrors.unsafe(pid, vetted.why);
    if (vetted.kind !== 'echo') throw linkErrors.notEcho(pid);
  }

  async #run(target: EchoTarget, machine: EchoMachine, run: Run): Promise<void> {
    run.signal?.throwIfAborted();
    const transfer = new Transfer(target, machine);
    const abort = () => this.giveUp(run.signal?.reason);
    run.signal?.addEventListener('abort', abort);
    const timer = watchStall(transfer, {
      ...run,
      table: this.#table,
      onFailed: (error) => this.giveUp(error),
    });
    this.#transfer = transfer;
    this.#pauses = this.#hold?.pauses ?? 0;
    try {
      this.wire.send(this.#peer as Descriptor, machine.first);
      this.#pump();
      await transfer.done;
      if (this.#stoodStill) {
        this.#resync.lose(target);
        throw linkErrors.busLost();
      }
    } finally {
      clearInterval(timer);
      run.signal?.removeEventListener('abort', abort);
    }
  }
}
