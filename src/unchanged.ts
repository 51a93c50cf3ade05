import { clockMs } from './clock.ts';

/** For how long something has been the same, by the clock of whoever looks at it. */
export class Unchanged {
  #seen: string | number | undefined;
  #since = 0;

  /** Milliseconds since the first look that saw this value and no other; 0: it is new. */
  forMs(value: string | number): number {
    const now = clockMs();
    if (value !== this.#seen) {
      this.#seen = value;
      this.#since = now;
    }
    return now - this.#since;
  }
}
