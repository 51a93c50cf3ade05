import { clockMs } from '../clock.ts';

/**
 * How many checks one wait is split into. Between two of them this process may be stopped without that counting as
 * the consumer's silence.
 */
const LOOKS_PER_WAIT = 8;
/** The longest time between two checks; ms. */
const LONGEST_LOOK_MS = 1000;
/** A check that comes later than this was held up: the broker was stopped, or had no CPU; ms. */
const LATE_MS = 50;

/**
 * Calls back after a time during which this process was running. Time in which it stood still (Ctrl-Z, a busy
 * machine) does not count: it could not have heard anybody then.
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

  /** Starts the wait again. */
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
