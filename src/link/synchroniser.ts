import { Reason } from '../codec/reason.ts';
import type { Bit } from '../codec/signal-codec.ts';
import { type EchoMachine, FINISHED, type Next, REASON_BITS } from './frame-sender.ts';

/** A receiver in step refuses the empty frame at exactly this bit. */
const EMPTY_FRAME_BITS = 8;
/**
 * Zero bits after which a receiver must have refused something: up to 15 until its decoder sees a zero
 * byte, and 8 more when those bits completed a frame that it accepted.
 */
const MAX_ZEROS = 24;

/**
 * One round of synchronising (docs/protocol.md, section 4): zero bits until one is refused, then the
 * reason. Proves that sender and receiver agree on where a frame starts, or that they do not yet.
 */
export class Synchroniser implements EchoMachine {
  readonly first: Bit = 0;
  inStep = false;
  #zeros = 0;
  #reasonBits = -1;
  #reason = 0;

  onEcho(echo: Bit): Next {
    if (this.#reasonBits >= 0) {
      this.#reason |= echo << this.#reasonBits;
      if (++this.#reasonBits < REASON_BITS) return 0;
      this.inStep = this.#zeros === EMPTY_FRAME_BITS && this.#reason === Reason.Empty;
      return FINISHED;
    }
    this.#zeros++;
    if (echo === 1) this.#reasonBits = 0;
    return this.#zeros > MAX_ZEROS ? FINISHED : 0;
  }
}
