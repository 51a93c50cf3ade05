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

  /** Call it when the server is asked for its time. @returns a function to call with the answer */
  asking(): (server: number) => void {
    const asked = this.#host();
    return (server) => {
      // It was read at some time between the two.
      if (this.#follows) this.#ahead = Math.round(server - (asked + this.#host()) / 2);
    };
  }
}
