/** How often something took how long. */
export interface HistogramCounts {
  /** Upper bounds of the buckets, ascending; s. */
  readonly bounds: readonly number[];
  /** How many were within each bound and above the one before it, then how many were above them all. */
  readonly counts: readonly number[];
  /** Of all; s. */
  readonly sum: number;
}

/** Counts durations in buckets. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds ascending; s */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array(bounds.length + 1).fill(0);
  }

  /** @param ms how long it took; what is below 0, as a clock that was set may have it, counts as 0 */
  add(ms: number): void {
    const seconds = Math.max(ms, 0) / 1000;
    const bucket = this.#bounds.findIndex((bound) => seconds <= bound);
    const at = bucket === -1 ? this.#bounds.length : bucket;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += seconds;
  }

  /** As it is now. */
  get counted(): HistogramCounts {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum };
  }
}
