/** Nobody reads faster; ms. */
export const EVERY_MS = 1000;
/** The part of a CPU that watching may take from the broker. */
const SHARE = 0.01;
/** A store on a server that takes long to count what it has is asked at most for this part of the time. */
const STORE_SHARE = 0.1;
/** What the first questions may cost beyond that, while nothing is compiled yet; ms. */
const ALLOWANCE_MS = 100;

/** What the broker has to do besides: look things up, pack them, check whom it sends them to. */
const BESIDES = 2;

/**
 * When to ask again, so that the broker loses less than 1 % of a CPU, whatever there is to tell and however busy the
 * machine is. Both ends of a transfer do the same work, so what a question costs is known from the CPU time of this
 * process.
 */
export class Pace {
  readonly #everyMs: number;
  #debtMs = 0;
  #tookMs = 0;
  #at: number;

  /** @param now ms, as for the methods */
  constructor(everyMs: number, now: number) {
    this.#everyMs = everyMs;
    this.#at = now;
  }

  /** A question has cost so much of this process's CPU time, and its answer took so long; ms. */
  spent(ms: number, tookMs: number, now: number): void {
    this.#tookMs = tookMs;
    this.#debtMs = Math.max(0, this.#debtMs - (now - this.#at) * SHARE) + ms * BESIDES;
    this.#at = now;
  }

  /** How long to wait now; ms. */
  get restMs(): number {
    const debtMs = this.#debtMs - ALLOWANCE_MS;
    return Math.max(this.#everyMs, debtMs / SHARE, this.#tookMs / STORE_SHARE);
  }
}
