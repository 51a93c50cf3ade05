/**
 * The ids of the messages that one process delivers to another. One that is as far from the one before as that was
 * from its predecessor need not be said (protocol 7, *Names*).
 */
export class IdSequence {
  readonly #last: number | undefined;
  readonly #step: number;

  /** Of which nothing is known. */
  static readonly empty = new IdSequence(undefined, 1);

  private constructor(last: number | undefined, step: number) {
    this.#last = last;
    this.#step = step;
  }

  /** What the next id is unless it is said; undefined: it has to be said. */
  get expected(): number | undefined {
    return this.#last === undefined ? undefined : this.#last + this.#step;
  }

  /** The sequence with another id at its end. */
  with(id: number): IdSequence {
    const isAhead = this.#last !== undefined && id > this.#last;
    return new IdSequence(id, isAhead ? id - (this.#last as number) : 1);
  }
}
