import { clockMs } from '../clock.ts';
import { type Bit, bitAt } from '../codec/signal-codec.ts';
import { type Addon, Exchange } from '../signals/addon.ts';
import type { Descriptor } from '../signals/descriptor.ts';
import type { Run } from './run.ts';
import type { Tap } from './tap.ts';
import { Wire } from './wire.ts';

/** As long as the addon keeps JavaScript waiting by itself (native/exchange.c, SLICE_NS); ms. */
const SLICE_MS = 5;

/**
 * A wire that tells of each signal when it goes over it. So the addon does one bit at a time, and what it does else by
 * itself is done here: several times slower.
 */
export class TappedWire extends Wire {
  readonly #tap: Tap;
  #answer: { readonly pid: number; readonly bit: Bit } | undefined;
  #run: { readonly peer: Descriptor; readonly run: Run } | undefined;
  /** Which bit of the run is due, or under way. */
  #index = 0;
  #isOut = false;
  /** For {@link takeEchoes}. */
  #echoes = 0;

  constructor(addon: Pick<Addon, 'exchange' | 'clearGap' | 'memory'>, tap: Tap) {
    super(addon);
    this.#tap = tap;
  }

  override exchange(us: number, pidfd: number): number {
    for (const began = clockMs(); ; ) {
      const event = this.#exchangeOne(us, pidfd);
      if (event <= 0 || !this.#goesOn(event >>> 1, (event & 1) as Bit)) return event;
      if (clockMs() - began > SLICE_MS) return Exchange.More;
    }
  }

  override answer(peer: Descriptor, bit: Bit): void {
    this.#answer = { pid: peer.pid, bit };
    super.answer(peer, bit);
  }

  override start(peer: Descriptor, run: Run): void {
    this.#run = { peer, run };
    this.#index = 0;
    this.#echoes = 0;
    this.#startBit();
  }

  override cancel(): void {
    this.#run = undefined;
    super.cancel();
  }

  /** Every bit is to be seen. */
  override listen(): void {
    this.ignore();
  }

  override takeEchoes(): number {
    const count = this.#echoes;
    this.#echoes = 0;
    return count;
  }

  #startBit(): void {
    if (!this.#run) return;
    const { peer, run } = this.#run;
    this.#isOut = false;
    super.start(peer, { bytes: Uint8Array.of(bitAt(run.bytes, this.#index)), bits: 1 });
  }

  #exchangeOne(us: number, pidfd: number): number {
    const before = clockMs();
    const event = super.exchange(us, pidfd);
    const after = clockMs();
    this.#tellSent(event, before);
    if (event > 0) {
      const pid = event >>> 1;
      const kind = this.#isEcho(pid) ? 'echo' : 'bit';
      this.#tap({ at: after, kind, isSent: false, bit: (event & 1) as Bit, pid });
    }
    return event;
  }

  /** The answer goes first; what was due did not go out after Gap and Unreachable. */
  #tellSent(event: number, at: number): void {
    if (this.#answer && !this.answers) {
      this.#tap({ at, kind: 'echo', isSent: true, ...this.#answer });
      this.#answer = undefined;
    }
    const hasFailed = event === Exchange.Gap || event === Exchange.Unreachable;
    if (hasFailed || !this.#run || this.#isOut) return;
    const { peer, run } = this.#run;
    this.#isOut = true;
    this.#tap({
      at,
      kind: 'bit',
      isSent: true,
      bit: bitAt(run.bytes, this.#index),
      pid: peer.pid,
    });
  }

  #isEcho(pid: number): boolean {
    return this.#isOut && this.#run?.peer.pid === pid;
  }

  /** Whether it was the expected echo of a bit that is not the last of its run: then the next one is due. */
  #goesOn(pid: number, bit: Bit): boolean {
    if (!this.#run || !this.#isEcho(pid)) return false;
    const { run } = this.#run;
    if (bit !== bitAt(run.bytes, this.#index) || this.#index === run.bits - 1) {
      this.#run = undefined;
      return false;
    }
    this.#index++;
    this.#echoes++;
    this.#startBit();
    return true;
  }
}
