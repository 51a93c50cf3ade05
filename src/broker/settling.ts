import { Reason } from '../codec/reason.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { DeliveryName, Outcome, Store } from '../queue/store.ts';
import { type ConsumerState, conclude, type Ending, isSame } from './consumer-state.ts';
import type { Journal } from './journal.ts';

export interface SettlingOptions {
  readonly store: Pick<Store, 'settle' | 'settleLate'>;
  readonly journal: Journal;
}

/** How deliveries have ended, as the store has it. */
export class Settling {
  readonly #options: SettlingOptions;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  /**
   * Settles all of them, or none if one is not this broker's any more.
   * @returns the answer, and those that have ended
   */
  async write(
    consumer: ConsumerState,
    endings: readonly Ending[],
  ): Promise<{ readonly verdict: Verdict; readonly ended: readonly Ending[] }> {
    const { store, journal } = this.#options;
    try {
      const became = await store.settle(endings);
      const ended = endings.filter((_, n) => became[n] !== 'unmade');
      conclude(consumer, ended);
      if (!became.includes('unknown')) {
        for (const [n, { outcome, known }] of endings.entries())
          journal.settled(known.queue, outcome, became[n] ?? 'unknown', known.enqueuedAt);
        return { verdict: 0, ended };
      }
      // Another broker took this one for dead.
      const { pid } = consumer;
      for (const { id, known } of ended)
        journal.say({ type: 'delivery-taken-over', pid, id, queue: known.queue });
      const [only] = endings;
      if (endings.length > 1 || !only) return { verdict: Reason.Unknown, ended };
      return { verdict: await this.late(consumer, only.id, only.outcome, only.known), ended };
    } catch (error) {
      return { verdict: this.#onStoreError(error), ended: [] };
    }
  }

  /** It is nobody's by now. What was done still counts if nobody has received the message since. */
  async late(
    consumer: ConsumerState,
    id: number,
    outcome: Outcome,
    name: DeliveryName,
  ): Promise<Verdict> {
    const { store, journal } = this.#options;
    try {
      const queue = outcome.kind === 'done' ? await store.settleLate(id, name) : undefined;
      const overdue = consumer.overdue.get(id);
      const known = isSame(overdue, name) ? overdue : undefined;
      if (known) consumer.overdue.delete(id);
      if (queue === undefined) journal.wake();
      else journal.settled(queue, outcome, 'gone', known?.enqueuedAt);
      return queue === undefined ? Reason.Unknown : 0;
    } catch (error) {
      return this.#onStoreError(error);
    }
  }

  #onStoreError(error: unknown): Verdict {
    this.#options.journal.error(error);
    return Reason.Store;
  }
}
