/** setTimeout takes no more, and takes more for 1: 2^31-1 ms, some 24 days. */
const LONGEST_MS = 0x7fff_ffff;

/** As setTimeout, for any time. */
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

  /** Once or more often; also when it has gone off. */
  clear(): void {
    clearTimeout(this.#timer);
  }

  /** It alone does not keep the process alive. */
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
