/** What sweeps have done, until somebody asks. */
export class Swept {
  /** By queue, since it was last asked for. */
  #expired = new Map<string, number>();
  /** Something became ready, whichever operation found it due. */
  #becameReady = false;

  get becameReady(): boolean {
    return this.#becameReady;
  }

  ready(): void {
    this.#becameReady = true;
  }

  expired(queue: string): void {
    this.#expired.set(queue, (this.#expired.get(queue) ?? 0) + 1);
  }

  /** How many messages expired since the last call, by queue. */
  takeExpired(): ReadonlyMap<string, number> {
    const expired = this.#expired;
    this.#expired = new Map();
    return expired;
  }

  /** Whether something became ready since the last call. */
  takeReady(): boolean {
    const became = this.#becameReady;
    this.#becameReady = false;
    return became;
  }
}
