import { inOrder, meaningOf, type PlainCoding } from '../codec/plain-coding.ts';
import { type Bit, OVERFLOW, SignalCodec } from '../codec/signal-codec.ts';
import type { PlainFrames } from './inbound.ts';

/** Puts the bits of a plain sender together, whatever its coding is, and however fast they come. */
export class PlainRegister implements PlainFrames {
  /** Messages that were longer than the limit, and of which nothing is kept. */
  overflows = 0;
  readonly #coding: PlainCoding;
  readonly #codec: SignalCodec;
  #isIdle = true;

  constructor(maxFrameBytes: number, coding: PlainCoding) {
    this.#codec = new SignalCodec({ maxFrameBytes });
    this.#coding = coding;
  }

  get idle(): boolean {
    return this.#isIdle;
  }

  /** The bits of the unfinished byte, the first one lowest, and how many there are. */
  get partial(): { readonly byte: number; readonly bits: number } {
    return { byte: this.#codec.partial, bits: this.#codec.partialBits };
  }

  push(bit: Bit): Uint8Array | undefined {
    this.#isIdle = false;
    const wasDiscarding = this.#codec.discarding;
    const step = this.#codec.push(meaningOf(bit, this.#coding));
    if (step === OVERFLOW) this.overflows++;
    const isEnd = step instanceof Uint8Array || (wasDiscarding && !this.#codec.discarding);
    if (isEnd) this.#isIdle = true;
    if (!(step instanceof Uint8Array) || step.length === 0) return undefined;
    return step.map((byte) => inOrder(byte, this.#coding));
  }

  reset(): void {
    this.#codec.reset();
    this.#isIdle = true;
  }
}
