import { REASON_BITS, Reason } from '../codec/reason.ts';
import { type Bit, OVERFLOW, SignalCodec } from '../codec/signal-codec.ts';

/** A frame is complete and waits for {@link FrameReceiver.answer}; no echo yet. */
export const JUDGE = 2;
/** Say nothing. */
export const SILENT = 3;
export type Reply = Bit | typeof JUDGE | typeof SILENT;

/** 0 accepts; everything else is the reason of a refusal. */
export type Verdict = 0 | Reason;

/** The names are those of docs/protocol.md, section 4, and of model/echo.pml. */
const ReceiverState = {
  /** Bits of a frame, or nothing yet. */
  Receiving: 0,
  /** A frame is complete, and its answer not known. */
  Judging: 1,
  /** The frame is refused: zeros read out the reason. */
  Refusing: 2,
} as const;
type ReceiverState = (typeof ReceiverState)[keyof typeof ReceiverState];

/**
 * Receives frames from one echo peer (docs/protocol.md, section 4). Without I/O: feed it bits, echo
 * what it returns.
 */
export class FrameReceiver {
  /** The frame to judge, after {@link JUDGE}. */
  frame: Uint8Array | undefined;
  readonly #codec: SignalCodec;
  #state: ReceiverState = ReceiverState.Receiving;
  #reason = 0;
  #reasonBits = 0;

  /** @param maxFrameBytes bound of the decoder, terminator not counted. */
  constructor(maxFrameBytes: number) {
    this.#codec = new SignalCodec({ maxFrameBytes });
  }

  /** Between two frames: the next bit starts one. */
  get idle(): boolean {
    return this.#state === ReceiverState.Receiving && this.#codec.bitCount === 0;
  }

  get judging(): boolean {
    return this.#state === ReceiverState.Judging;
  }

  /** A frame was refused and the sender has not read out all of the reason. */
  get refusing(): boolean {
    return this.#state === ReceiverState.Refusing;
  }

  /** It has read out a part of it. */
  get reasonBegun(): boolean {
    return this.refusing && this.#reasonBits > 0;
  }

  /**
   * So many bytes will be echoed as they are, bit by bit, whatever they are but zero. None between two frames,
   * where the sender is looked at first.
   */
  get room(): number {
    return this.#state !== ReceiverState.Receiving || this.idle ? 0 : this.#codec.space;
  }

  /** What the next bits are added to; see {@link SignalCodec.absorb}. */
  get partial(): { readonly byte: number; readonly bits: number } {
    return { byte: this.#codec.partial, bits: this.#codec.bitCount % 8 };
  }

  /** The whole bytes of a frame that is coming; valid until the next bit. */
  get soFar(): Uint8Array {
    return this.#codec.soFar;
  }

  /** Takes bits that were echoed already, within {@link room}; see {@link SignalCodec.absorb}. */
  absorb(bytes: Uint8Array, partial: number, bits: number): void {
    this.#codec.absorb(bytes, partial, bits);
  }

  onBit(bit: Bit): Reply {
    if (this.#state === ReceiverState.Refusing) {
      if (bit === 0) return this.#nextReasonBit();
      this.reset(); // the sender does not ask: a new frame
    } else if (this.#state === ReceiverState.Judging) {
      this.reset(); // the sender gave up waiting: its answer would be taken for something else
      return SILENT;
    }
    const step = this.#codec.push(bit);
    if (step === undefined) return bit;
    if (step === OVERFLOW) return this.#refuse(bit, Reason.TooLarge);
    if (step.length === 0) return this.#refuse(bit, Reason.Empty);
    this.frame = step;
    this.#state = ReceiverState.Judging;
    return JUDGE;
  }

  /** The echo of the terminator's last bit, once the frame is judged. */
  answer(verdict: Verdict): Bit {
    this.frame = undefined;
    this.#state = ReceiverState.Receiving;
    return verdict === 0 ? 0 : this.#refuse(0, verdict);
  }

  reset(): void {
    this.frame = undefined;
    this.#state = ReceiverState.Receiving;
    this.#codec.reset();
  }

  #refuse(bit: Bit, reason: Reason): Bit {
    this.#codec.reset();
    this.#state = ReceiverState.Refusing;
    this.#reason = reason;
    this.#reasonBits = 0;
    return bit === 0 ? 1 : 0;
  }

  #nextReasonBit(): Bit {
    const bit = ((this.#reason >> this.#reasonBits) & 1) as Bit;
    if (++this.#reasonBits === REASON_BITS) this.#state = ReceiverState.Receiving;
    return bit;
  }
}
