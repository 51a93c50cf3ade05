import { isReason, type Reason, ReasonReader } from '../codec/reason.ts';
import { type Bit, bitAt } from '../codec/signal-codec.ts';
import { type Run, runOf, ZERO } from './run.ts';

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
  /** What became of it, if it is a frame; undefined before its end. */
  readonly outcome?: FrameOutcome | undefined;
  /** The last bit is out, or about to go: the receiver may take its time to store the message before it answers. */
  readonly awaitsAnswer: boolean;
  /** The receiver may take the frame, or have taken it, whatever becomes of the rest of it. */
  readonly mayArrive?: boolean | undefined;
  /** Takes the next echo. One that is not expected ends the run. */
  onEcho(echo: Bit): Next;
  /** Takes so many echoes in the middle of a run, all as expected. */
  onEchoes(count: number): void;
}

/** Bits that may be on their way: a 0 and the 1 after it go together. */
const MAX_UNANSWERED = 2;

/**
 * The names are those of docs/protocol.md, section 4, and of model/echo.pml. Its *Awaiting* is the end of
 * Sending, see `awaitsAnswer`: a state of its own would cost a comparison a bit.
 */
const SenderState = {
  /** Bits go out. */
  Sending: 0,
  /** Refused: the reason is read out. */
  Reading: 1,
  Finished: 2,
} as const;
type SenderState = (typeof SenderState)[keyof typeof SenderState];

/**
 * Sends one frame to one echo peer (docs/protocol.md, section 4: echo, answer, reason). Without I/O:
 * feed it echoes, send what it returns.
 */
export class FrameSender implements EchoMachine {
  readonly first: Run;
  outcome: FrameOutcome | undefined;
  /** Bits of the frame. */
  readonly total: number;
  readonly #frame: Uint8Array;
  readonly #trace: ((echo: Bit) => void) | undefined;
  /** Bits echoed. */
  #index = 0;
  /** Bits of the runs so far. */
  #runEnd = 0;
  #state: SenderState = SenderState.Sending;
  readonly #reason = new ReasonReader();

  /**
   * @param frame with its terminating zero byte
   * @param trace called with each echo; costs speed
   */
  constructor(frame: Uint8Array, trace?: (echo: Bit) => void) {
    this.#frame = frame;
    this.#trace = trace;
    this.total = frame.length * 8;
    this.first = this.#nextRun();
  }

  /** Bits that the receiver has echoed; 0 to {@link total}. */
  get sent(): number {
    return this.#index;
  }

  get awaitsAnswer(): boolean {
    return this.#index === this.total - 1;
  }

  /** Only zeros are left, and those that synchronise sender and receiver later end the frame as well as its own. */
  get mayArrive(): boolean {
    return this.#index + MAX_UNANSWERED > lastOneOf(this.#frame);
  }

  onEcho(echo: Bit): Next {
    this.#trace?.(echo);
    if (this.#state !== SenderState.Sending) return this.#onReason(echo);
    if (echo !== bitAt(this.#frame, this.#index)) {
      this.#state = SenderState.Reading;
      return ZERO;
    }
    if (++this.#index < this.#runEnd) return AWAIT;
    if (this.#index < this.total) return this.#nextRun();
    this.#state = SenderState.Finished;
    this.outcome = { kind: 'accepted' };
    return FINISHED;
  }

  onEchoes(count: number): void {
    const end = this.#index + count;
    while (this.#trace && this.#index < end) this.#trace(bitAt(this.#frame, this.#index++));
    this.#index = end;
  }

  #nextRun(): Run {
    const run = runOf(this.#frame, this.#index >>> 3);
    this.#runEnd += run.bits;
    return run;
  }

  #onReason(echo: Bit): Next {
    const code = this.#reason.push(echo);
    if (code === undefined) return ZERO;
    this.#state = SenderState.Finished;
    this.outcome = isReason(code) ? { kind: 'refused', reason: code } : { kind: 'out-of-step' };
    return FINISHED;
  }
}

/** The index of its last bit that is 1; -1: there is none. */
function lastOneOf(frame: Uint8Array): number {
  const byte = frame.findLastIndex((value) => value !== 0);
  return byte === -1 ? -1 : byte * 8 + 31 - Math.clz32(frame[byte] as number);
}
