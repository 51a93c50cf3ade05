/** The longest time that setTimeout takes, 2^31-1 ms, some 24 days; it treats anything longer as 1. */
const LONGEST_MS = 0x7fff_ffff;

/** Like setTimeout, but for any time. */
export class LongTimer {
  readonly #act: () => void;
  #left: number;
  #isRef = true;
  #timer: NodeJS.Timeout;

  constructor(act: () => void, ms: number) {
    this.#act = act;
    this.#left = ms;
    this.#timer = this.#arm();
  }

  /** May be called more than once, even after it has fired. */
  clear(): void {
    clearTimeout(this.#timer);
  }

  /** The timer alone then does not keep the process alive. */
  unref(): this {
    this.#isRef = false;
    this.#timer.unref();
    return this;
  }

  #arm(): NodeJS.Timeout {
    const wait = Math.min(this.#left, LONGEST_MS);
    const timer = setTimeout(() => this.#onWaited(wait), wait);
    return this.#isRef ? timer : timer.unref();
  }

  #onWaited(waited: number): void {
    this.#left -= waited;
    if (this.#left <= 0) this.#act();
    else this.#timer = this.#arm();
  }
}
