import { clockMs } from '../clock.ts';
import { LongTimer } from '../long-timer.ts';

export interface GatheringOptions {
  /** How many are together at most. */
  readonly size: number;
  /** How long the first of them waits for others; ms. */
  readonly lingerMs: number;
}

/**
 * Gathers what comes one by one: until there are enough, or the first one has waited for long enough, and somebody
 * takes them.
 */
export class Gathering<T> {
  readonly #options: GatheringOptions;
  readonly #waiting: { readonly item: T; readonly since: number }[] = [];
  readonly #takers: ((items: T[] | undefined) => void)[] = [];
  #timer: LongTimer | undefined;
  /** Nothing waits for others any more. */
  #isHurried = false;
  #isEnded = false;

  constructor(options: GatheringOptions) {
    this.#options = options;
  }

  /** Not after {@link end}. */
  add(item: T): void {
    this.#waiting.push({ item, since: clockMs() });
    this.#give();
  }

  /** The next ones, in their order; undefined: there will be no more. */
  next(): Promise<T[] | undefined> {
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      this.#give();
    });
  }

  /** No others will come: what is here need not wait for them. */
  hurry(): void {
    this.#isHurried = true;
    this.#give();
  }

  /** Nobody is given any more. @returns those that nobody has taken */
  end(): T[] {
    this.#isEnded = true;
    const left = this.#waiting.splice(0).map(({ item }) => item);
    this.#give();
    return left;
  }

  #give(): void {
    this.#timer?.clear();
    const { size } = this.#options;
    while (this.#takers.length > 0 && (this.#isEnded || this.#waitMs() <= 0)) {
      const items = this.#waiting.splice(0, size).map(({ item }) => item);
      this.#takers.shift()?.(items.length > 0 ? items : undefined);
    }
    const waitMs = this.#waitMs();
    if (this.#takers.length === 0 || waitMs === Number.POSITIVE_INFINITY) return;
    this.#timer = new LongTimer(() => this.#give(), waitMs);
  }

  /** How long those that wait are to wait for others; for ever if there are none; ms. */
  #waitMs(): number {
    const { size, lingerMs } = this.#options;
    const [first] = this.#waiting;
    if (!first) return Number.POSITIVE_INFINITY;
    if (this.#isHurried || this.#waiting.length >= size) return 0;
    return first.since + lingerMs - clockMs();
  }
}
