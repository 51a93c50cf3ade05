/** The clock that all brokers of a store share, told by that of this host. */
export class ServerClock {
  readonly #host: () => number;
  readonly #follows: boolean;
  #ahead = 0;

  /**
   * @param host ms since the epoch, steadily
   * @param follows false: the two are the same
   */
  constructor(host: () => number, follows: boolean) {
    this.#host = host;
    this.#follows = follows;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#host() + this.#ahead;
  }

  toHost(at: number): number {
    return at - this.#ahead;
  }

  /** @param ask returns the server's time, ms since the epoch */
  async set(ask: () => Promise<number>): Promise<void> {
    const asked = this.#host();
    const server = await ask();
    // It was read at some time between the two.
    if (this.#follows) this.#ahead = Math.round(server - (asked + this.#host()) / 2);
  }
}

/** SQL: ms since the epoch. */
export const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
