import type { Queues } from './queue-settings.ts';
import { Rates } from './rates.ts';

/** How many messages of each queue may be delivered now, as its settings have it. */
export class Allowances {
  readonly #queues: Queues;
  readonly #rates = new Rates();

  constructor(queues: Queues) {
    this.#queues = queues;
  }

  /** By its rate. @param now ms */
  byRate(queue: string, now: number): number {
    const { rate } = this.#queues.of(queue);
    return rate === undefined ? Number.POSITIVE_INFINITY : this.#rates.allowance(queue, rate, now);
  }

  /** By its concurrency. @param held messages that consumers have */
  byConcurrency(queue: string, held: number): number {
    const { concurrency = Number.POSITIVE_INFINITY } = this.#queues.of(queue);
    return Math.max(0, concurrency - held);
  }

  /** When the rate allows another one; ms. */
  opensAt(queue: string): number {
    return this.#rates.opensAt(queue);
  }

  /** So many were delivered. */
  taken(queue: string, messages: number, now: number): void {
    const { rate } = this.#queues.of(queue);
    if (rate !== undefined) this.#rates.take(queue, rate, messages, now);
  }
}
