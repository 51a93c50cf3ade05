import { clockMs } from '../clock.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { LinkError } from '../link/errors.ts';
import type { Outcome } from '../queue/store.ts';
import type { Delivery, DeliveryOptions } from './delivery.ts';

export interface PlainDeliveriesOptions extends DeliveryOptions {
  readonly endpoint: Endpoint;
  onError(error: unknown): void;
  /** A slot is free, or a message is ready again. */
  onChange(): void;
}

/** Deliveries to plain consumers: paced, so that they go on beside everything else. */
export class PlainDeliveries {
  readonly #options: PlainDeliveriesOptions;
  /** Those under way, without the stalled ones. */
  readonly #tasks = new Set<Promise<void>>();
  /** Called when none is left. */
  #onEnded: () => void = () => {};

  constructor(options: PlainDeliveriesOptions) {
    this.#options = options;
  }

  /** Does not wait for it. */
  start(delivery: Delivery): void {
    const leave = () => {
      this.#tasks.delete(task);
      if (this.#tasks.size === 0) this.#onEnded();
    };
    const task: Promise<void> = this.#deliver(delivery, leave).catch(this.#options.onError);
    this.#tasks.add(task);
    void task.finally(() => {
      leave();
      this.#options.onChange();
    });
  }

  /** Resolves when those under way have ended; does not wait for peers that stall, also later. Ask once. */
  async ended(): Promise<void> {
    if (this.#tasks.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEnded = resolve;
    });
  }

  /** To a plain consumer, or without the addon: nobody can settle, so sent = done. */
  async #deliver({ consumer, message }: Delivery, onStalled: () => void): Promise<void> {
    const { roster, holdings, endpoint, onWarning, onError, onChange } = this.#options;
    const { id, body } = message;
    roster.served(consumer);
    if (body.includes(0) || body.length === 0) {
      onWarning(
        `Message ${id} has a zero byte or is empty; plain consumer ${consumer.pid} cannot get it.`,
      );
      if (!endpoint.echo || !roster.hasEcho(message.queue))
        return holdings.settleSurely(consumer, id, { kind: 'failed' });
      consumer.restsUntil = clockMs() + 1000;
      return holdings.settleSurely(consumer, id, { kind: 'untaken' });
    }
    // The slot stays taken while signals are on their way: the state of the stalled one is not known.
    let settled = false;
    const settle = async (outcome: Outcome) => {
      if (settled) return;
      settled = true;
      consumer.overdue.set(id, message);
      await holdings.settleSurely(consumer, id, outcome);
    };
    try {
      await endpoint.sendPlain(consumer, body, {
        onStalled: () => {
          onWarning(
            `Plain consumer ${consumer.pid} does not take its signals; its message goes to another.`,
          );
          onStalled();
          void settle({ kind: 'return' }).then(onChange, onError);
        },
      });
      this.#options.onDelivered(message);
      await settle({ kind: 'done' });
    } catch (error) {
      await settle({ kind: 'lost' });
      if (!(error instanceof LinkError)) throw error;
      onWarning(error.message);
      await roster.refresh();
    } finally {
      consumer.overdue.delete(id);
    }
  }
}
