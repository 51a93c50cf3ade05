import { isReason, type Reason } from '../codec/reason.ts';
import { type Bit, bitAt } from '../codec/signal-codec.ts';
import { type Bits, PAIR } from '../signals/addon.ts';

/** Bits of a reason code (docs/protocol.md, section 4). */
export const REASON_BITS = 4;

/** What a machine that sends under echo asks for next: bits to send, or one of these. */
export const FINISHED = 3;
/** Nothing: an echo is still to come. */
export const AWAIT = 4;
export type Next = Bits | typeof FINISHED | typeof AWAIT;

export type FrameOutcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly reason: Reason }
  /** The receiver's answers make no sense: synchronise, then send again. */
  | { readonly kind: 'out-of-step' };

/** A sequence of bits, driven by echoes. */
export interface EchoMachine {
  /** What to send first. */
  readonly first: Bits;
  /** Takes the next echo. */
  onEcho(echo: Bit): Next;
}

/**
 * The names are those of docs/protocol.md, section 4, and of model/echo.pml. Its *Awaiting* is the end of
 * Sending, see `awaitsAnswer`: a state of its own would cost a comparison a bit.
 */
const State = {
  /** Bits go out. */
  Sending: 0,
  /** Refused: the reason is read out. */
  Reading: 1,
  Finished: 2,
} as const;
type State = (typeof State)[keyof typeof State];

/**
 * Sends one frame to one echo peer (docs/protocol.md, section 4: echo, answer, reason). Without I/O:
 * feed it echoes, send what it returns.
 */
export class FrameSender implements EchoMachine {
  readonly first: Bits;
  outcome: FrameOutcome | undefined;
  readonly #frame: Uint8Array;
  readonly #bits: number;
  /** Bits echoed. */
  #index = 0;
  /** Bits sent. */
  #sent = 0;
  #state: State = State.Sending;
  #reasonBits = 0;
  #reason = 0;

  /** @param frame with its terminating zero byte. */
  constructor(frame: Uint8Array) {
    this.#frame = frame;
    this.#bits = frame.length * 8;
    this.first = this.#next();
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
    if (this.#state !== State.Sending) return this.#onReason(echo);
    if (echo !== bitAt(this.#frame, this.#index)) {
      this.#state = State.Reading;
      return 0;
    }
    if (++this.#index < this.#sent) return AWAIT;
    if (this.#index < this.#bits) return this.#next();
    this.#state = State.Finished;
    this.outcome = { kind: 'accepted' };
    return FINISHED;
  }

  /**
   * The next bit, or two. A pair stays within a byte: a receiver refuses at the last bit of a byte only,
   * so the first of a pair is never refused with the second under way.
   */
  #next(): Bits {
    const bit = bitAt(this.#frame, this.#sent++);
    if (bit === 1 || this.#sent % 8 === 0 || bitAt(this.#frame, this.#sent) === 0) return bit;
    this.#sent++;
    return PAIR;
  }

  #onReason(echo: Bit): Next {
    this.#reason |= echo << this.#reasonBits;
    if (++this.#reasonBits < REASON_BITS) return 0;
    this.#state = State.Finished;
    this.outcome = isReason(this.#reason)
      ? { kind: 'refused', reason: this.#reason }
      : { kind: 'out-of-step' };
    return FINISHED;
  }
}
