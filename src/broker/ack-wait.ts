import { clockMs } from '../clock.ts';

/** Looks per wait. Between two of them this process may stand still without its being taken for the consumer's silence. */
const LOOKS_PER_WAIT = 8;
/** And no longer apart; ms. */
const LONGEST_LOOK_MS = 1000;
/** A look that comes later than this was kept from coming: the broker was stopped, or had no CPU; ms. */
const LATE_MS = 50;

/**
 * Calls back when a time is over in which this process ran. What it stood still (Ctrl-Z, a busy machine) is not
 * counted: meanwhile nobody could be heard.
 */
export class AckWait {
  readonly #onOver: () => void;
  readonly #waitMs: number;
  #leftMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(waitMs: number, onOver: () => void) {
    this.#waitMs = waitMs;
    this.#leftMs = waitMs;
    this.#onOver = onOver;
    this.#look();
  }

  /** It begins anew. */
  extend(): void {
    clearTimeout(this.#timer);
    this.#leftMs = this.#waitMs;
    this.#look();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    const plannedMs = Math.min(
      this.#leftMs,
      LONGEST_LOOK_MS,
      Math.max(this.#waitMs / LOOKS_PER_WAIT, 1),
    );
    const since = clockMs();
    this.#timer = setTimeout(() => {
      this.#leftMs -= Math.min(clockMs() - since, plannedMs + LATE_MS);
      if (this.#leftMs <= 0) this.#onOver();
      else this.#look();
    }, plannedMs);
  }
}
