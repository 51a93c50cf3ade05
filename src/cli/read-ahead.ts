/** Items that arrive in batches, of which the next one is read while those of the last one are used. */
export class ReadAhead<T> {
  readonly #batches: AsyncIterator<readonly T[]>;
  #reading: Promise<void>;
  #batch: readonly T[] = [];
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(batches: AsyncIterable<readonly T[]>) {
    this.#batches = batches[Symbol.asyncIterator]();
    this.#reading = this.#read();
  }

  /**
   * Waits for a batch that has not been used.
   * @returns false: there are no more
   * @throws what reading throws
   */
  async more(): Promise<boolean> {
    await this.#reading;
    if (this.#failure) throw this.#failure.error;
    return !this.#isOver;
  }

  /** What has arrived, and what arrives before the last of it has been used. */
  *items(): Generator<T> {
    while (this.#batch.length > 0) {
      const batch = this.#batch;
      this.#batch = [];
      this.#reading = this.#read();
      yield* batch;
    }
  }

  /** Never rejects: `more` tells. */
  async #read(): Promise<void> {
    try {
      const { done, value } = await this.#batches.next();
      if (done) this.#isOver = true;
      else this.#batch = value;
    } catch (error) {
      this.#failure = { error };
    }
  }
}
