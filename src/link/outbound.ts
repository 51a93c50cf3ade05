import type { Bit } from '../codec/signal-codec.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { vetTarget } from '../registry/vet.ts';
import { linkErrors } from './errors.ts';
import { AWAIT, FINISHED } from './frame-sender.ts';
import type { OutOfStep } from './out-of-step.ts';
import type { EchoTarget, Transfer } from './transfer.ts';
import type { Wire } from './wire.ts';

/** The transfer under way, of which there is one at most: puts its bits on the wire and takes their echoes. */
export class Outbound {
  readonly #wire: Wire;
  readonly #table: ProcessTable;
  readonly #outOfStep: OutOfStep;
  #transfer: Transfer | undefined;
  /** After a pause an echo went on, which needs no bus: the next transfer has to ask whether the bus is still ours. */
  #mustAsk = false;
  #isClosed = false;
  #bits = 0;

  constructor(wire: Wire, table: ProcessTable, outOfStep: OutOfStep) {
    this.#wire = wire;
    this.#table = table;
    this.#outOfStep = outOfStep;
  }

  /** Bits that were echoed, ever. */
  get bits(): number {
    return this.#bits;
  }

  get busy(): boolean {
    return this.#transfer !== undefined;
  }

  /** Readable when the peer of this moment ends; -1 without one. */
  get pidfd(): number {
    return this.#transfer?.route.peer.fd ?? -1;
  }

  /** Its first bit goes out with the next exchange. */
  begin(transfer: Transfer): void {
    const { peer } = transfer.route;
    this.#transfer = transfer;
    if (this.#isClosed) this.giveUp(linkErrors.closed());
    else if (!this.#mustAsk || this.mayGoOn(peer.pid))
      this.#wire.start(peer, transfer.machine.first);
  }

  /** Gives up the transfer under way, and each that begins from now on. */
  close(): void {
    this.#isClosed = true;
    this.giveUp(linkErrors.closed());
  }

  /** Whether a signal of this process may be an echo, also a late one, or a stray. */
  expects(pid: number): boolean {
    const isTarget = this.#transfer?.route.target.pid === pid;
    return isTarget || this.#outOfStep.hasPid(pid) || this.#outOfStep.mayBeStray;
  }

  /** Takes a signal that is an echo, or a late echo of a frame that was given up. @returns false when it is neither */
  takeSignal(pid: number, bit: Bit, now: number): boolean {
    const transfer = this.#transfer;
    if (transfer?.route.target.pid !== pid) return this.#outOfStep.takeLate(pid, now);
    this.#bits++;
    const next = transfer.onEcho(bit);
    if (next === FINISHED) this.#finish(transfer);
    else if (next !== AWAIT) this.#wire.start(transfer.route.peer, next);
    return true;
  }

  /** Takes a signal of an echo peer that is no echo, if it can be no bit either. @returns false when it can */
  takeStray(peer: EchoTarget, now: number): boolean {
    return this.#outOfStep.takeStray(peer, now);
  }

  /** Takes the echoes that the addon has dealt with. */
  takeEchoes(): void {
    const count = this.#wire.takeEchoes();
    if (count === 0) return;
    this.#bits += count;
    this.#transfer?.onEchoes(count);
  }

  /**
   * Whether a bit may go to this process after a pause: it is still the one that it was, and when the bit is of the
   * transfer, the bus is still ours and the pause has cut no frame in two. An echo needs no bus.
   * @param start when a process of that PID had started that sends to us
   */
  mayGoOn(pid: number, start?: number): boolean {
    try {
      return this.#isAllRight(pid, start);
    } catch (error) {
      // It cannot be looked at, for want of descriptors: then nothing is sent.
      this.giveUp(error);
      return false;
    }
  }

  #isAllRight(pid: number, knownStart: number | undefined): boolean {
    const target =
      this.#transfer?.route.target.pid === pid ? this.#transfer.route.target : undefined;
    if (this.#transfer?.survivesPause() === false) {
      this.giveUp(linkErrors.busLost());
      if (target) return false;
    }
    this.#mustAsk = this.#transfer === undefined;
    const vetted = vetTarget(pid, { start: target ? target.start : knownStart }, this.#table);
    if (vetted.ok && vetted.kind === 'echo') return true;
    this.giveUpGone(pid);
    return false;
  }

  /** The process of this PID has ended, or else the peer of the transfer: fails the transfer if it was to that one. */
  giveUpGone(pid = this.#transfer?.route.target.pid): void {
    if (pid !== undefined && this.#transfer?.route.target.pid === pid) {
      this.giveUp(linkErrors.gone(pid));
    }
  }

  /** Fails the transfer. How far the peer got is not known: it may hold a part of the frame, or all. */
  giveUp(error: unknown): void {
    const transfer = this.#transfer;
    if (!transfer) return;
    this.#transfer = undefined;
    this.#wire.cancel();
    this.#outOfStep.add(transfer.route.target);
    transfer.fail(error);
  }

  /** Called at once: if the end is not to be trusted, an echo may still be on its way, and must not be taken for a bit. */
  #finish(transfer: Transfer): void {
    this.#transfer = undefined;
    const isOut = transfer.machine.outcome?.kind === 'out-of-step';
    if (isOut || transfer.stoodStill) this.#outOfStep.add(transfer.route.target);
  }
}
