import type { Verdict } from '../link/frame-receiver.ts';
import type { Verb } from '../link/settlement.ts';

/** Deliveries remembered; a broker has at most a few in doubt for one consumer when it restarts. */
const MAX_HANDLED = 4096;

/** Names a delivery (docs/protocol.md, section 7, *Names*). */
export interface Name {
  readonly id: number;
  readonly delivery: number;
  /** 0: the broker has not told. */
  readonly incarnation: number;
}

interface Answer {
  readonly verdict: Verdict;
  /** How the message was settled, where the verdict alone does not say it. */
  readonly settled: Verb | undefined;
}

/**
 * What was answered to the last deliveries. One that comes again (its answer was lost, the broker was restarted)
 * is answered as before and not handled twice.
 */
export class Handled {
  readonly #answers = new Map<string, Answer>();

  get(name: Name): Answer | undefined {
    return this.#answers.get(keyOf(name));
  }

  /** A delivery was taken. */
  add(name: Name, verdict: Verdict): Verdict {
    this.#answers.set(keyOf(name), { verdict, settled: undefined });
    if (this.#answers.size > MAX_HANDLED) {
      const oldest = this.#answers.keys().next().value;
      if (oldest !== undefined) this.#answers.delete(oldest);
    }
    return verdict;
  }

  /** The answer is another from now on. */
  change(name: Name, verdict: Verdict, settled?: Verb): void {
    const key = keyOf(name);
    if (this.#answers.has(key)) this.#answers.set(key, { verdict, settled });
  }
}

/** Of a map by name. */
export function keyOf({ incarnation, id, delivery }: Name): string {
  return `${incarnation}:${id}:${delivery}`;
}
