/**
 * Whose turn it is among several, in proportion to their weights and as evenly as can be: with 3 and 1, a a b a. The
 * smooth weighted round robin of nginx
 * (https://github.com/nginx/nginx/commit/52327e0627f49dbda1e8db695e63a4b0af4448b1).
 */
export class Turns {
  readonly #weights: readonly number[];
  /** How much each is owed; between them it adds up to nothing. */
  #owed: number[];

  constructor(weights: readonly number[]) {
    this.#weights = weights;
    this.#owed = weights.map(() => 0);
  }

  /** Whose turns the next ones are, as long as these take part. None is taken. */
  plan(open: readonly boolean[], count: number): number[] {
    const before = this.#owed;
    const plan: number[] = [];
    if (open.includes(true)) {
      this.#owed = [...before];
      for (let n = 0; n < count; n++) {
        const next = this.#next(open);
        this.take(next, open);
        plan.push(next);
      }
    }
    this.#owed = before;
    return plan;
  }

  /** It had a turn. Those that took no part are owed nothing for it. */
  take(which: number, open: readonly boolean[]): void {
    let total = 0;
    for (const [n, weight] of this.#weights.entries()) {
      if (!open[n]) continue;
      this.#owed[n] = (this.#owed[n] ?? 0) + weight;
      total += weight;
    }
    this.#owed[which] = (this.#owed[which] ?? 0) - total;
  }

  #next(open: readonly boolean[]): number {
    let best = -1;
    let most = Number.NEGATIVE_INFINITY;
    for (const [n, weight] of this.#weights.entries()) {
      const owed = (this.#owed[n] ?? 0) + weight;
      if (open[n] && owed > most) [best, most] = [n, owed];
    }
    return best;
  }
}
