/** Positions per millisecond; if more are needed, they run ahead of the clock. */
export const PER_MS = 1024;

/**
 * To find the oldest message of a queue with more priorities than that, only the highest ones are examined: one step
 * into an index each.
 */
export const MAX_PRIORITIES = 64;

/**
 * Where messages stand in their queues: ever-growing numbers based on the clock, so that they also tell since when
 * a message has been ready. Setting the clock back while no broker runs does not change the order. Below 2^53 until
 * the year 2248.
 */
export class Positions {
  #last: number;

  /** @param last the highest that has ever been assigned */
  constructor(last: number) {
    this.#last = last;
  }

  /** Takes the next `count`. @returns the one before the first of them */
  take(nowMs: number, count = 1): number {
    const before = Math.max(nowMs * PER_MS, this.#last);
    this.#last = before + count;
    return before;
  }
}

/** When a position was taken, ms since 1970. */
export function takenAt(position: number): number {
  return Math.floor(position / PER_MS);
}
