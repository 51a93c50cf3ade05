import type { Verdict } from '../link/frame-receiver.ts';
import type { Verb } from '../link/settlement.ts';

/** Messages remembered; a broker has at most a few in doubt for one consumer when it restarts. */
const MAX_REMEMBERED = 4096;

interface Answer {
  readonly attempt: number;
  readonly verdict: Verdict;
  /** How the message was settled, where the verdict alone does not say it. */
  readonly settled: Verb | undefined;
}

/**
 * What was answered to the last deliveries. A delivery that comes again under the same id and attempt
 * (its answer was lost, the broker was restarted) is answered as before and not handled twice.
 */
export class Handled {
  readonly #answers = new Map<number, Answer>();

  /** Other messages have the ids of those that were answered. */
  clear(): void {
    this.#answers.clear();
  }

  get(id: number, attempt: number): Answer | undefined {
    const known = this.#answers.get(id);
    return known?.attempt === attempt ? known : undefined;
  }

  /** It was told what became of that attempt, and will not ask; what comes is a new delivery. */
  forget(id: number, attempt: number): void {
    if (this.#answers.get(id)?.attempt === attempt) this.#answers.delete(id);
  }

  /** A delivery was taken. */
  add(id: number, attempt: number, verdict: Verdict): Verdict {
    this.#answers.delete(id);
    this.#answers.set(id, { attempt, verdict, settled: undefined });
    if (this.#answers.size > MAX_REMEMBERED) {
      const oldest = this.#answers.keys().next().value;
      if (oldest !== undefined) this.#answers.delete(oldest);
    }
    return verdict;
  }

  /** The answer is another from now on, unless a later attempt of the message has come meanwhile. */
  change(id: number, attempt: number, verdict: Verdict, settled?: Verb): void {
    if (this.#answers.get(id)?.attempt === attempt)
      this.#answers.set(id, { attempt, verdict, settled });
  }
}
