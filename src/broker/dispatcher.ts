import { setImmediate as nextTurn } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { BatchSize } from '../link/batch-size.ts';
import type { Channel, EchoLink } from '../link/echo-link.ts';
import type { Endpoint } from '../link/endpoint.ts';
import type { Store } from '../queue/store.ts';
import { roomOf } from './consumer-state.ts';
import { Dealer } from './dealer.ts';
import { type Delivery, type DeliveryOptions, packDelivery } from './delivery.ts';
import { EchoDeliveries } from './echo-deliveries.ts';
import { PlainDeliveries } from './plain-deliveries.ts';

/** How long the broker keeps the bus for deliveries before others get their turn; ms. */
const DELIVERIES_TURN_MS = 50;

export interface DispatcherOptions extends DeliveryOptions {
  readonly store: Pick<Store, 'hasReady' | 'reserve' | 'holdsReserved'>;
  readonly endpoint: Endpoint;
}

/** Gives ready messages to free consumers, strictly in turn, whenever the journal asks for it. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #echo: EchoDeliveries;
  readonly #plain: PlainDeliveries;
  readonly #dealer: Dealer;
  /** What has not gone out yet of what was dealt. */
  readonly #dealt: Delivery[] = [];
  #dealing: Promise<void> | undefined;
  /** What was dealt is not to go out: it may be another's turn now. */
  #isStale = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const size = new BatchSize();
    this.#dealer = new Dealer({ ...options, size });
    this.#echo = new EchoDeliveries({ ...options, size });
    this.#plain = new PlainDeliveries(options);
  }

  start(): void {
    this.#options.journal.dispatching.start(() => this.#run());
  }

  /** Finishes the frames under way and starts no more. Does not wait for plain peers that have stalled. */
  async stop(): Promise<void> {
    await this.#options.journal.dispatching.stop();
    await this.#takeBack();
    await this.#plain.ended();
  }

  /** Whether what is reserved is still ours. */
  get #maySend(): boolean {
    return !this.#isStopped && this.#options.store.holdsReserved !== false;
  }

  get #isStopped(): boolean {
    return this.#options.journal.dispatching.isStopped;
  }

  /** Runs until there is nothing left that anybody could get. */
  async #run(): Promise<void> {
    const { store, endpoint } = this.#options;
    const { echo } = endpoint;
    while (!this.#isStopped) {
      if (this.#isStale || store.holdsReserved === false) await this.#takeBack();
      const next = await this.#next();
      if (!next) return;
      if (!echo || next.consumer.kind === 'plain') this.#plain.start(next);
      else {
        packDelivery(next, next.consumer.told);
        await this.#deliverUnderBus(echo, next);
      }
    }
  }

  /** What is owed, what was dealt, or what can be dealt now. */
  async #next(): Promise<Delivery | undefined> {
    const now = clockMs();
    const known = this.#nextOwed(now) ?? this.#dealt.shift();
    if (known) return known;
    await this.#deal(now);
    const next = this.#dealt.shift();
    if (!next) {
      this.#wakeAfterRest(now);
      // What a queue's limits keep back now is to be delivered when they allow it.
      this.#options.journal.timing.ask();
    }
    return next;
  }

  /** The same for who has the bus, and must not wait for a store: undefined if that is not ready at once. */
  async #nextAtOnce(): Promise<Delivery | undefined> {
    if (!this.#maySend) return undefined;
    const now = clockMs();
    const known = this.#nextOwed(now) ?? this.#dealt.shift();
    if (known) return known;
    await this.#dealAtOnce(now);
    return this.#dealt.shift();
  }

  /** What is to go out after this one; not less than its consumer could take once it is done with this. */
  async #following(sending: Delivery): Promise<Delivery | undefined> {
    const hasRoom = roomOf(sending.consumer) >= sending.messages.length;
    if (this.#dealt.length === 0 && hasRoom && this.#maySend) {
      await this.#dealAtOnce(clockMs()).catch(() => {}); // whoever deals next hears of it
    }
    return this.#dealt[0];
  }

  /** A store that takes longer has dealt when this is asked for again. */
  #dealAtOnce(now: number): Promise<void> {
    return Promise.race([this.#deal(now), nextTurn()]);
  }

  #deal(now: number): Promise<void> {
    this.#dealing ??= this.#dealNow(now).finally(() => {
      this.#dealing = undefined;
    });
    this.#dealing.catch(() => {}); // whoever waits for it hears of it
    return this.#dealing;
  }

  async #dealNow(now: number): Promise<void> {
    this.#dealt.push(...(await this.#dealer.deal(now)));
  }

  /** What was dealt and has not gone out is in the store again, and is dealt anew. */
  async #takeBack(): Promise<void> {
    await this.#dealing?.catch(() => {});
    this.#isStale = false;
    for (const { consumer, messages } of this.#dealt.splice(0)) {
      await this.#options.inFlight.settleSurely(consumer, messages, { kind: 'untaken' });
    }
  }

  /** A message whose answer is unknown goes to the same consumer again, before anything else. */
  #nextOwed(now: number): Delivery | undefined {
    const { roster } = this.#options;
    for (const consumer of roster.all) {
      if (consumer.owed.length === 0 || consumer.restsUntil > now) continue;
      if (roster.isStopped(consumer)) {
        roster.rest(consumer, now);
        continue;
      }
      const message = consumer.owed.shift();
      if (message) return { consumer, messages: [message], inDoubt: true };
    }
    return undefined;
  }

  /** Consumers that did not answer, or are stopped, are tried again later. */
  #wakeAfterRest(now: number): void {
    const { roster, journal } = this.#options;
    const rests = roster.all.map(({ restsUntil }) => restsUntil).filter((until) => until > now);
    journal.dispatching.askIn(rests.length > 0 ? Math.min(...rests) - now + 1 : undefined);
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

  /** Delivers to echo consumers under one hold of the bus, until nothing is left or the time is up. */
  async #deliverSome(channel: Channel, first: Delivery): Promise<void> {
    const { roster } = this.#options;
    const until = clockMs() + DELIVERIES_TURN_MS;
    let delivery: Delivery | undefined = first;
    while (delivery) {
      const sending = delivery;
      const { consumer } = sending;
      if (consumer.kind === 'plain') this.#plain.start(sending);
      else {
        const isTaken = await this.#echo.deliver(channel, sending, () => this.#following(sending));
        if (!isTaken) {
          // It may be another's turn now, who is to get what comes first.
          this.#isStale = true;
          if (roster.isRegistered(consumer)) roster.dealt(consumer);
          return;
        }
      }
      delivery = clockMs() > until ? undefined : await this.#nextAtOnce();
    }
  }
}
