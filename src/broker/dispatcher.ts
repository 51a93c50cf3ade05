import { clockMs } from '../clock.ts';
import type { Channel, EchoLink } from '../link/echo-link.ts';
import type { Endpoint } from '../link/endpoint.ts';
import type { Store } from '../queue/store.ts';
import type { Delivery, DeliveryOptions } from './delivery.ts';
import { EchoDeliveries } from './echo-deliveries.ts';
import { PlainDeliveries } from './plain-deliveries.ts';

/** How long the broker keeps the bus for deliveries before the others get their turn; ms. */
const HOLD_MS = 50;
/** Pause after the store could not be read or written; ms. */
const STORE_RETRY_MS = 1000;

export interface DispatcherOptions extends DeliveryOptions {
  readonly store: Store;
  readonly endpoint: Endpoint;
  onError(error: unknown): void;
}

/** Gives ready messages to free consumers, strictly in turn. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #echo: EchoDeliveries;
  readonly #plain: PlainDeliveries;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#echo = new EchoDeliveries(options);
    this.#plain = new PlainDeliveries({ ...options, onChange: () => this.wake() });
  }

  /** Something changed: a message is ready, or a consumer free. Call as often as you like. */
  wake(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#again) this.wake();
    });
  }

  /** Finishes the frames under way and starts no other. Does not wait for plain peers that stalled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#again = false;
    clearTimeout(this.#retry);
    await this.#running;
    await this.#plain.ended();
  }

  async #run(): Promise<void> {
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        const next = await this.#next();
        if (!next) continue;
        const { echo } = this.#options.endpoint;
        if (!echo || next.consumer.kind === 'plain') this.#plain.start(next);
        else await this.#deliverUnderBus(echo, next);
        this.#again = true;
      }
    } catch (error) {
      this.#options.onError(error);
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.wake(), STORE_RETRY_MS);
    }
  }

  /** The next free consumer for which there is a message, and the message. */
  async #next(): Promise<Delivery | undefined> {
    const { roster, store, holdings } = this.#options;
    const now = clockMs();
    const owed = this.#nextOwed(now);
    if (owed) return owed;
    for (const consumer of roster.free(now)) {
      if (!(await store.hasReady(consumer.queues))) continue;
      if (roster.isStopped(consumer)) {
        roster.rest(consumer, now);
        continue;
      }
      const message = await store.reserve(consumer.queues, consumer.key);
      if (!message) continue;
      holdings.take(consumer, message);
      return { consumer, message };
    }
    this.#scheduleRetry(now);
    return undefined;
  }

  /** A message whose answer is not known goes to the same consumer again, before anything else. */
  #nextOwed(now: number): Delivery | undefined {
    const { roster } = this.#options;
    for (const consumer of roster.all) {
      if (consumer.owed.length === 0 || consumer.restsUntil > now) continue;
      if (roster.isStopped(consumer)) {
        roster.rest(consumer, now);
        continue;
      }
      const message = consumer.owed.shift();
      if (message) return { consumer, message, inDoubt: true };
    }
    return undefined;
  }

  /** Consumers that did not answer, or are stopped, are tried again. */
  #scheduleRetry(now: number): void {
    clearTimeout(this.#retry);
    let soonest = Number.POSITIVE_INFINITY;
    for (const { restsUntil } of this.#options.roster.all) {
      if (restsUntil > now) soonest = Math.min(soonest, restsUntil);
    }
    if (soonest === Number.POSITIVE_INFINITY) return;
    this.#retry = setTimeout(() => this.wake(), soonest - now + 1);
  }

  async #deliverUnderBus(echo: Pick<EchoLink, 'withBus'>, first: Delivery): Promise<void> {
    let hasBus = false;
    try {
      await echo.withBus((channel) => {
        hasBus = true;
        return this.#deliverSome(channel, first);
      });
    } catch (error) {
      if (!hasBus) this.#echo.owe(first);
      throw error;
    }
  }

  /** Under one hold of the bus: deliveries to echo consumers, until there is nothing or time is up. */
  async #deliverSome(channel: Channel, first: Delivery): Promise<void> {
    const until = clockMs() + HOLD_MS;
    let delivery: Delivery | undefined = first;
    while (delivery) {
      if (delivery.consumer.kind === 'plain') this.#plain.start(delivery);
      else await this.#echo.deliver(channel, delivery);
      delivery = this.#stopped || clockMs() > until ? undefined : await this.#next();
    }
  }
}
