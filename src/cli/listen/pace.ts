/** Between bits that leave time for a picture; ms. */
const SLOW_GAP_MS = 10;
/** A picture may take twice as long as the ones before. */
const MARGIN = 2;
/** What the longest picture of late counts for, once another is drawn. */
const FADING = 0.7;
/** After a longer pause it is not known how fast the next ones come; ms. */
const PAUSE_MS = 2000;

/**
 * When there is time to draw. It takes some milliseconds, or many on a busy machine, in which a plain sender that does
 * not wait would lose bits: two of a kind that are pending are one.
 */
export class Pace {
  #at = Number.NEGATIVE_INFINITY;
  #isSlow = false;
  #drawingMs = 0;

  /** So long a picture has taken; ms. */
  drew(ms: number): void {
    this.#drawingMs = Math.max(ms, this.#drawingMs * FADING);
  }

  /** A bit has come. @returns whether the next one leaves time for a picture, if it comes as the last ones did */
  hasTimeAfter(at: number): boolean {
    const gap = at - this.#at;
    this.#at = at;
    const wasSlow = this.#isSlow;
    this.#isSlow = gap > Math.max(SLOW_GAP_MS, this.#drawingMs * MARGIN) && gap < PAUSE_MS;
    return wasSlow && this.#isSlow;
  }
}
