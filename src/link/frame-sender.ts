import { isReason, type Reason } from '../codec/reason.ts';
import { type Bit, bitAt } from '../codec/signal-codec.ts';
import { type Run, runOf, ZERO } from './run.ts';

/** Bits of a reason code (docs/protocol.md, section 4). */
export const REASON_BITS = 4;

/** What a machine that sends under echo asks for next: a run, or one of these. */
export const FINISHED = 'finished';
/** Nothing: the run goes on. */
export const AWAIT = 'await';
export type Next = Run | typeof FINISHED | typeof AWAIT;

export type FrameOutcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly reason: Reason }
  /** The receiver's answers make no sense: synchronise, then send again. */
  | { readonly kind: 'out-of-step' };

/** A sequence of bits, driven by echoes. */
export interface EchoMachine {
  /** What to send first. */
  readonly first: Run;
  /** Takes the next echo. One that is not expected ends the run. */
  onEcho(echo: Bit): Next;
  /** Takes so many echoes in the middle of a run, all as expected. */
  onEchoes(count: number): void;
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
  readonly first: Run;
  outcome: FrameOutcome | undefined;
  readonly #frame: Uint8Array;
  readonly #bits: number;
  /** Bits echoed. */
  #index = 0;
  /** Bits of the runs so far. */
  #runEnd = 0;
  #state: State = State.Sending;
  #reasonBits = 0;
  #reason = 0;

  /** @param frame with its terminating zero byte. */
  constructor(frame: Uint8Array) {
    this.#frame = frame;
    this.#bits = frame.length * 8;
    this.first = this.#run();
  }

  /** Bits that the receiver has echoed; 0 to {@link total}. */
  get sent(): number {
    return this.#index;
  }

  get total(): number {
    return this.#bits;
  }

  /** The last bit is out, or about to go: the receiver may take its time to store the message before it answers. */
  get awaitsAnswer(): boolean {
    return this.#index === this.#bits - 1;
  }

  onEcho(echo: Bit): Next {
    if (this.#state !== State.Sending) return this.#onReason(echo);
    if (echo !== bitAt(this.#frame, this.#index)) {
      this.#state = State.Reading;
      return ZERO;
    }
    if (++this.#index < this.#runEnd) return AWAIT;
    if (this.#index < this.#bits) return this.#run();
    this.#state = State.Finished;
    this.outcome = { kind: 'accepted' };
    return FINISHED;
  }

  onEchoes(count: number): void {
    this.#index += count;
  }

  #run(): Run {
    const run = runOf(this.#frame, this.#index >>> 3);
    this.#runEnd += run.bits;
    return run;
  }

  #onReason(echo: Bit): Next {
    this.#reason |= echo << this.#reasonBits;
    if (++this.#reasonBits < REASON_BITS) return ZERO;
    this.#state = State.Finished;
    this.outcome = isReason(this.#reason)
      ? { kind: 'refused', reason: this.#reason }
      : { kind: 'out-of-step' };
    return FINISHED;
  }
}
