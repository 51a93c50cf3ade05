import type { Verdict } from '../link/frame-receiver.ts';
import type { Told, Verb } from '../link/settlement.ts';
import { Recent } from '../recent.ts';

/** Deliveries remembered; when a broker restarts, it has at most a few in doubt for one consumer. */
const MAX_HANDLED = 4096;

/** Names a delivery (docs/protocol.md, section 7, *Names*). */
export interface Name {
  readonly id: number;
  readonly delivery: number;
  /** 0: the broker has not stated it. */
  readonly incarnation: number;
}

interface Answer {
  readonly verdict: Verdict;
  /** How the message was settled, where the verdict alone does not tell. */
  readonly settled: Verb | undefined;
  /** With that: why, and what is for who asked. */
  readonly told?: Told | undefined;
}

/**
 * What was answered to the last deliveries. One that comes again (its answer was lost, the broker was restarted)
 * gets the same answer and is not handled twice.
 */
export class Handled {
  readonly #answers = new Recent<string, Answer>(MAX_HANDLED);

  get(name: Name): Answer | undefined {
    return this.#answers.get(keyOf(name));
  }

  /** A delivery was taken. */
  add(name: Name, verdict: Verdict): Verdict {
    this.#answers.set(keyOf(name), { verdict, settled: undefined });
    return verdict;
  }

  /** From now on the answer is a different one. */
  change(name: Name, verdict: Verdict, settled?: Verb, told?: Told): void {
    const key = keyOf(name);
    if (this.#answers.get(key)) this.#answers.set(key, { verdict, settled, told });
  }
}

/** A key for maps by name. */
export function keyOf({ incarnation, id, delivery }: Name): string {
  return `${incarnation}:${id}:${delivery}`;
}
