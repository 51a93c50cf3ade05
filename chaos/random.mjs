/** Numbers that are the same for the same seed (mulberry32, https://github.com/bryc/code, PRNGs). */
export class Random {
  #state;
  #seed;

  constructor(seed) {
    this.#seed = seed >>> 0;
    this.#state = this.#seed;
  }

  /**
   * Others that depend on the seed and this name only: who decides beside other things has numbers of his
   * own, or they would depend on who is faster.
   */
  of(name) {
    let seed = this.#seed;
    for (const character of String(name)) {
      seed = Math.imul(seed ^ Number(character.codePointAt(0)), 0x01000193); // as FNV-1a
    }
    return new Random(seed);
  }

  /** From 0 up to 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`. */
  int(min, max) {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** True in one of `n` cases. */
  oneIn(n) {
    return this.int(1, n) === 1;
  }

  pick(items) {
    return items[this.int(0, items.length - 1)];
  }

  /** Draws from these until each was drawn, then again from all: few draws, too, have every kind. */
  bag(items) {
    let left = [];
    return () => {
      if (left.length === 0) left = [...items];
      return left.splice(this.int(0, left.length - 1), 1)[0];
    };
  }
}
