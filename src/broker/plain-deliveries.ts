import { clockMs } from '../clock.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { LinkError } from '../link/errors.ts';
import type { Outcome, Reserved } from '../queue/message.ts';
import type { ConsumerState } from './consumer-state.ts';
import { type Delivery, type DeliveryOptions, namesOf } from './delivery.ts';
import { reasons } from './reasons.ts';

/** How long a plain consumer is left alone when it cannot receive what another one can; ms. */
const UNFIT_REST_MS = 1000;

export interface PlainDeliveriesOptions extends DeliveryOptions {
  readonly endpoint: Endpoint;
}

/** Deliveries to plain consumers, paced and therefore running beside everything else. */
export class PlainDeliveries {
  readonly #options: PlainDeliveriesOptions;
  /** Those under way, except for stalled ones. */
  readonly #tasks = new Set<Promise<void>>();
  /** Called when none is left. */
  #onEnded: () => void = () => {};

  constructor(options: PlainDeliveriesOptions) {
    this.#options = options;
  }

  /** Does not wait for the delivery. */
  start(delivery: Delivery): void {
    const { journal } = this.#options;
    const leave = () => {
      this.#tasks.delete(task);
      if (this.#tasks.size === 0) this.#onEnded();
    };
    const task: Promise<void> = this.#deliver(delivery, leave).catch(journal.error);
    this.#tasks.add(task);
    void task.finally(() => {
      leave();
      journal.wake();
    });
  }

  /** Resolves when those under way have ended; never waits for peers that stall. Call it once. */
  async ended(): Promise<void> {
    if (this.#tasks.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEnded = resolve;
    });
  }

  /** To a plain consumer, or without the addon: nobody can settle, so sent = done. */
  async #deliver(delivery: Delivery, leave: () => void): Promise<void> {
    const { consumer, messages } = delivery;
    const message = messages[0] as Reserved;
    const { roster, rosterWatch, inFlight, endpoint, journal } = this.#options;
    const { id, body } = message;
    roster.answered(consumer);
    if (body.includes(0) || body.length === 0) return this.#leaveToOthers(consumer, message);
    // The slot stays taken while signals are on their way: the state of a stalled peer is unknown.
    let settled = false;
    const settle = async (outcome: Outcome) => {
      if (settled) return;
      settled = true;
      consumer.overdue.set(id, message);
      await inFlight.settleSurely(consumer, messages, outcome);
    };
    const onStalled = () => {
      journal.say({ type: 'delivery-stalled', ...namesOf(consumer, message) });
      leave();
      void settle({ kind: 'return' });
    };
    try {
      await endpoint.sendPlain(consumer, body, { onStalled });
      journal.delivered(message);
      await settle({ kind: 'done' });
    } catch (error) {
      await settle({ kind: 'lost', reason: reasons.interrupted() });
      if (!(error instanceof LinkError)) throw error;
      journal.say({ type: 'delivery-failed', ...namesOf(consumer, message), error });
      rosterWatch.refresh();
    } finally {
      consumer.overdue.delete(id);
    }
  }

  /**
   * A plain consumer cannot receive it. If there is no other consumer, it counts as failed, so that the rest does
   * not wait.
   */
  async #leaveToOthers(consumer: ConsumerState, message: Reserved): Promise<void> {
    const { roster, inFlight, endpoint, journal } = this.#options;
    journal.say({ type: 'message-not-plain', ...namesOf(consumer, message) });
    const hasOthers = endpoint.echo && roster.hasEcho(message.queue);
    if (hasOthers) consumer.restsUntil = clockMs() + UNFIT_REST_MS;
    inFlight.missed(consumer, message);
    const outcome: Outcome = hasOthers
      ? { kind: 'untaken' }
      : { kind: 'failed', reason: reasons.notPlain() };
    await inFlight.settleSurely(consumer, [message], outcome);
  }
}
