import { Reason, ReasonReader } from '../codec/reason.ts';
import type { Bit } from '../codec/signal-codec.ts';
import { type EchoMachine, FINISHED, type Next } from './frame-sender.ts';
import { ZERO } from './run.ts';

/** A receiver in step refuses the empty frame at exactly this bit. */
const EMPTY_FRAME_BITS = 8;
/**
 * Zero bits after which a receiver must have refused something: up to 15 until its decoder sees a zero
 * byte, and 8 more when those bits completed a frame that it accepted.
 */
const MAX_ZEROS = 24;

/** The names are those of docs/protocol.md, section 4, and of model/echo.pml. */
const SyncState = {
  /** Zeros go out until one is refused. */
  Zeroing: 0,
  Reading: 1,
  Finished: 2,
} as const;
type SyncState = (typeof SyncState)[keyof typeof SyncState];

/**
 * One round of synchronising (docs/protocol.md, section 4): zero bits until one is refused, then the
 * reason. Shows that sender and receiver do not agree yet on where a frame starts, or that they seem to: an
 * echo too many looks the same, so a test frame follows (transmitter.ts).
 */
export class Synchroniser implements EchoMachine {
  readonly first = ZERO;
  /** No bit of it has anything stored. */
  readonly awaitsAnswer = false;
  inStep = false;
  #state: SyncState = SyncState.Zeroing;
  #zeros = 0;
  readonly #reason = new ReasonReader();

  /** Each of its runs is one bit. */
  onEchoes(): void {}

  onEcho(echo: Bit): Next {
    if (this.#state !== SyncState.Zeroing) {
      const code = this.#reason.push(echo);
      if (code === undefined) return ZERO;
      this.#state = SyncState.Finished;
      this.inStep = this.#zeros === EMPTY_FRAME_BITS && code === Reason.Empty;
      return FINISHED;
    }
    this.#zeros++;
    if (echo === 1) this.#state = SyncState.Reading;
    else if (this.#zeros > MAX_ZEROS) this.#state = SyncState.Finished;
    return this.#zeros > MAX_ZEROS ? FINISHED : ZERO;
  }
}
