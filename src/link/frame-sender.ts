import { isReason, type Reason } from '../codec/reason.ts';
import { type Bit, bitAt } from '../codec/signal-codec.ts';

/** Bits of a reason code (docs/protocol.md, section 4). */
export const REASON_BITS = 4;

/** What a machine that sends under echo asks for next: a bit to send, or {@link FINISHED}. */
export const FINISHED = 2;
export type Next = Bit | typeof FINISHED;

export type FrameOutcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly reason: Reason }
  /** The receiver's answers make no sense: synchronise, then send again. */
  | { readonly kind: 'out-of-step' };

/** A sequence of bits with one outstanding, driven by echoes. */
export interface EchoMachine {
  /** The first bit. */
  readonly first: Bit;
  /** Takes the echo of the outstanding bit. */
  onEcho(echo: Bit): Next;
}

/**
 * Sends one frame to one echo peer (docs/protocol.md, section 4: echo, answer, reason). Without I/O:
 * feed it echoes, send what it returns.
 */
export class FrameSender implements EchoMachine {
  readonly first: Bit;
  outcome: FrameOutcome | undefined;
  readonly #frame: Uint8Array;
  readonly #bits: number;
  #index = 0;
  #outstanding: Bit;
  #reasonBits = -1;
  #reason = 0;

  /** @param frame with its terminating zero byte. */
  constructor(frame: Uint8Array) {
    this.#frame = frame;
    this.#bits = frame.length * 8;
    this.first = bitAt(frame, 0);
    this.#outstanding = this.first;
  }

  /** Bits that the receiver has echoed; 0 to {@link total}. */
  get sent(): number {
    return this.#index;
  }

  get total(): number {
    return this.#bits;
  }

  /** The last bit is out: the receiver may take its time to store the message before it answers. */
  get awaitsAnswer(): boolean {
    return this.#index === this.#bits - 1;
  }

  onEcho(echo: Bit): Next {
    if (this.#reasonBits >= 0) return this.#onReason(echo);
    if (echo !== this.#outstanding) {
      this.#reasonBits = 0;
      return 0;
    }
    if (++this.#index === this.#bits) {
      this.outcome = { kind: 'accepted' };
      return FINISHED;
    }
    this.#outstanding = bitAt(this.#frame, this.#index);
    return this.#outstanding;
  }

  #onReason(echo: Bit): Next {
    this.#reason |= echo << this.#reasonBits;
    if (++this.#reasonBits < REASON_BITS) return 0;
    this.outcome = isReason(this.#reason)
      ? { kind: 'refused', reason: this.#reason }
      : { kind: 'out-of-step' };
    return FINISHED;
  }
}
