import { inOrder, meaningOf, type PlainCoding } from '../codec/plain-coding.ts';
import { type Bit, OVERFLOW, SignalCodec } from '../codec/signal-codec.ts';
import type { PlainFrames } from './inbound.ts';

/** Puts the bits of a plain sender together, whatever its coding is, and however fast they come. */
export class PlainRegister implements PlainFrames {
  readonly #coding: PlainCoding;
  readonly #codec: SignalCodec;
  readonly #onTooLong: () => void;
  #isIdle = true;

  /** @param onTooLong a message is longer than the limit: nothing of it is kept */
  constructor(maxFrameBytes: number, coding: PlainCoding, onTooLong: () => void) {
    this.#codec = new SignalCodec({ maxFrameBytes });
    this.#coding = coding;
    this.#onTooLong = onTooLong;
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
    if (step === OVERFLOW) this.#onTooLong();
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
