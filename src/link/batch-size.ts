import { MAX_BATCH_MESSAGES } from '../codec/batch.ts';

/** How long a frame should have the bus: the others wait that long for their turn; ms. */
const HOLD_MS = 50;
/** Before anything is known: some 40 ms of what cannot be packed, on a quiet machine; bytes. */
const FIRST_BYTES = 2048;
/** On a busy machine a bit takes up to fifty times as long; bytes. */
const MIN_BYTES = 1024;
/** Messages that are all alike can be packed to next to nothing; bytes. */
const MAX_BYTES = 32 << 10;
/** So many can come in one frame, also to who takes small messages only: bodies and their lengths; bytes. */
export const MAX_BATCH_BYTES = MAX_BYTES + 2 * MAX_BATCH_MESSAGES;

/** How much to put into one frame, by what was seen of those before. */
export class BatchSize {
  readonly messages: number = MAX_BATCH_MESSAGES;
  #bytes = FIRST_BYTES;

  /** Of the messages, as they are before they are packed. A larger message goes alone. */
  get bytes(): number {
    return this.#bytes;
  }

  /** So many bytes of messages took so long. A small frame says little of a large one. */
  learn(bytes: number, ms: number): void {
    if (bytes * 2 < this.#bytes && ms < HOLD_MS) return;
    const fitting = (bytes * HOLD_MS) / Math.max(ms, 1);
    this.#bytes = Math.round(Math.min(Math.max(fitting, MIN_BYTES), MAX_BYTES));
  }
}
