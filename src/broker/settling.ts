import { Reason } from '../codec/reason.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { DeliveryName, Settlement } from '../queue/message.ts';
import type { Store } from '../queue/store.ts';
import { contentOf, repliedOf } from './askers.ts';
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
      const became = await store.settle(endings.map(settlementOf));
      const ended = endings.filter((_, n) => became[n] !== 'unmade');
      conclude(consumer, ended);
      if (!became.includes('unknown')) {
        for (const [n, { outcome, known }] of endings.entries())
          journal.settled(known.queue, outcome, became[n] ?? 'unknown', known.enqueuedAt);
        if (endings.some(({ known }) => known.asker !== undefined)) journal.answering.ask();
        return { verdict: 0, ended };
      }
      // Another broker took this one for dead.
      const { pid } = consumer;
      for (const { id, known } of ended)
        journal.say({ type: 'delivery-taken-over', pid, id, queue: known.queue });
      const [only] = endings;
      if (endings.length > 1 || !only) return { verdict: Reason.Unknown, ended };
      return { verdict: await this.late(consumer, only, only.known), ended };
    } catch (error) {
      return { verdict: this.#onStoreError(error), ended: [] };
    }
  }

  /** It is nobody's by now. What was done still counts if nobody has received the message since. */
  async late(
    consumer: ConsumerState,
    { id, outcome, told }: Pick<Ending, 'id' | 'outcome' | 'told'>,
    name: DeliveryName,
  ): Promise<Verdict> {
    const { store, journal } = this.#options;
    try {
      const reply = contentOf(outcome, told, 'gone');
      const queue = outcome.kind === 'done' ? await store.settleLate(id, name, reply) : undefined;
      const overdue = consumer.overdue.get(id);
      const known = isSame(overdue, name) ? overdue : undefined;
      if (known) consumer.overdue.delete(id);
      if (queue === undefined) journal.wake();
      else {
        journal.settled(queue, outcome, 'gone', known?.enqueuedAt);
        journal.answering.ask(); // somebody may have asked
      }
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

function settlementOf({ id, outcome, known, told }: Ending): Settlement {
  return { id, outcome, replied: repliedOf(known.asker, outcome, told) };
}
