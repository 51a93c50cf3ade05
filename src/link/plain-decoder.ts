import { clockMs } from '../clock.ts';
import { type Bit, OVERFLOW, SignalCodec } from '../codec/signal-codec.ts';

/**
 * A bit that comes so soon after the one before was not paced: a plain sender leaves about 1,000 µs
 * between bits, the fastest handler-based programs some 50; a loop of kill(2) takes 1 to 10, and we some 25 to take
 * one on a slow machine. µs.
 */
const STORM_GAP_US = 40;
/**
 * A "message" of which more than one bit in so many was not paced is a storm of signals. Of a real one
 * two bits may wait for us together now and then, when this process is slow to wake.
 */
const STORM_SHARE = 8;

/** Frames of a plain sender; throws away what comes too fast to be a message. */
export class PlainDecoder {
  /** Frames thrown away: too long, or too fast. */
  dropped = 0;
  readonly #codec: SignalCodec;
  #bits = 0;
  #hasty = 0;
  #last = 0;

  constructor(maxFrameBytes: number) {
    this.#codec = new SignalCodec({ maxFrameBytes });
  }

  get idle(): boolean {
    return this.#bits === 0;
  }

  /** A complete, non-empty message; else undefined. */
  push(bit: Bit): Uint8Array | undefined {
    const now = clockMs();
    if (this.#bits++ > 0 && (now - this.#last) * 1000 < STORM_GAP_US) this.#hasty++;
    this.#last = now;
    const wasDiscarding = this.#codec.discarding;
    const step = this.#codec.push(bit);
    if (step === OVERFLOW) this.dropped++;
    const isEnd = step instanceof Uint8Array || (wasDiscarding && !this.#codec.discarding);
    if (!isEnd) return undefined;
    const isStorm = this.#hasty * STORM_SHARE > this.#bits;
    this.#bits = 0;
    this.#hasty = 0;
    if (!(step instanceof Uint8Array) || step.length === 0) return undefined;
    if (!isStorm) return step;
    this.dropped++;
    return undefined;
  }

  reset(): void {
    this.#bits = 0;
    this.#hasty = 0;
    this.#codec.reset();
  }
}
