import { clockMs } from '../clock.ts';
import { CodecError } from '../codec/codec-error.ts';
import { encodeEnvelope } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import { SignalCodec } from '../codec/signal-codec.ts';
import type { Channel, EchoLink } from '../link/echo-link.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { LinkError } from '../link/errors.ts';
import type { Outcome, Reserved, Store } from '../queue/store.ts';
import type { Holdings } from './holdings.ts';
import { DEFAULT_QUEUE } from './intake.ts';
import type { ConsumerState, Roster } from './roster.ts';

/** How long the broker keeps the bus for deliveries before the others get their turn; ms. */
const HOLD_MS = 50;
/** Tries of one delivery to a consumer that gets it damaged; damage needs two senders at once. */
const MAX_TRIES = 5;
const SEQ_MODULUS = 128;
/** Pause after the store could not be read or written; ms. */
const STORE_RETRY_MS = 1000;

export interface DispatcherOptions {
  readonly store: Store;
  readonly roster: Roster;
  readonly endpoint: Endpoint;
  onWarning(sentence: string): void;
  readonly holdings: Holdings;
  onError(error: unknown): void;
  onDelivered(): void;
}

/** Gives ready messages to free consumers, strictly in turn. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #retry: NodeJS.Timeout | undefined;
  /** Paced transfers to plain consumers go on beside everything else. */
  readonly #paced = new Set<Promise<void>>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
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
    await Promise.all(this.#paced);
  }

  async #run(): Promise<void> {
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        const next = await this.#next();
        if (!next) continue;
        const { echo } = this.#options.endpoint;
        if (!echo || next.consumer.kind === 'plain') this.#startPaced(next);
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
      const message = await store.reserve(consumer.queues, consumer.key);
      if (!message) continue;
      if (roster.isStopped(consumer)) {
        await store.settle(message.id, { kind: 'release' });
        roster.rest(consumer, now);
        continue;
      }
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
      if (!hasBus) this.#owe(first);
      throw error;
    }
  }

  /** Under one hold of the bus: deliveries to echo consumers, until there is nothing or time is up. */
  async #deliverSome(channel: Channel, first: Delivery): Promise<void> {
    const until = clockMs() + HOLD_MS;
    let delivery: Delivery | undefined = first;
    while (delivery) {
      if (delivery.consumer.kind === 'plain') this.#startPaced(delivery);
      else await this.#deliver(channel, delivery);
      delivery = this.#stopped || clockMs() > until ? undefined : await this.#next();
    }
  }

  async #deliver(channel: Channel, delivery: Delivery): Promise<void> {
    const { roster } = this.#options;
    const { consumer, message } = delivery;
    // While we waited for the bus the consumer may have settled what was in doubt, or ended.
    if (consumer.holding.get(message.id) !== message.attempt) return;
    const frame = this.#frameOf(delivery);
    if (!frame) return this.#settle(consumer, message, { kind: 'dead' });
    for (let attempt = 1; ; attempt++) {
      try {
        const outcome = await channel.send(consumer, frame);
        if (outcome.kind === 'accepted') {
          roster.served(consumer);
          this.#options.onDelivered();
          return await this.#settle(consumer, message, { kind: 'done' });
        }
        const reason = outcome.kind === 'refused' ? outcome.reason : Reason.Damaged;
        if (reason === Reason.Damaged && attempt < MAX_TRIES) continue;
        const isUnknown = reason === Reason.Damaged && delivery.inDoubt;
        if (outcome.kind === 'out-of-step' || isUnknown) return this.#owe(delivery);
        return await this.#onRefused(consumer, message, reason);
      } catch (error) {
        if (error instanceof LinkError) return await this.#onFailed(delivery, error);
        this.#owe(delivery);
        throw error;
      }
    }
  }

  /** Undefined when it fits in no frame: its producer left no room for what a delivery adds. */
  #frameOf({ consumer, message }: Delivery): Uint8Array | undefined {
    consumer.seq = (consumer.seq + 1) % SEQ_MODULUS;
    try {
      return deliveryFrame(message, consumer.seq);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#options.onWarning(`Message ${message.id} cannot be delivered: ${error.message}`);
      return undefined;
    }
  }

  async #onRefused(consumer: ConsumerState, message: Reserved, reason: Reason): Promise<void> {
    const { roster, onWarning } = this.#options;
    if (reason === Reason.Later) {
      roster.served(consumer);
      this.#options.holdings.awaitSettlement(consumer, message);
      return;
    }
    if (reason === Reason.Failed) {
      roster.served(consumer);
      return this.#settle(consumer, message, { kind: 'failed' });
    }
    if (reason === Reason.TooLarge) {
      onWarning(`Consumer ${consumer.pid} does not take messages of ${message.body.length} bytes.`);
      return this.#settle(consumer, message, { kind: 'failed' });
    }
    if (reason === Reason.Damaged) onWarning(`Consumer ${consumer.pid} gets every frame damaged.`);
    roster.rest(consumer, clockMs());
    return this.#settle(consumer, message, { kind: 'release' });
  }

  async #onFailed(delivery: Delivery, error: LinkError): Promise<void> {
    const { roster, onWarning } = this.#options;
    const { consumer, message } = delivery;
    if (error.code !== 'bus-lost' && error.code !== 'link-closed') onWarning(error.message);
    const maybeThere = error.answerPending || delivery.inDoubt === true;
    if (roster.isGone(consumer)) {
      await this.#settle(consumer, message, { kind: maybeThere ? 'lost' : 'release' });
      return roster.refresh();
    }
    if (maybeThere) return this.#owe(delivery);
    if (error.code !== 'bus-lost') roster.rest(consumer, clockMs());
    return this.#settle(consumer, message, { kind: 'release' });
  }

  #owe({ consumer, message }: Delivery): void {
    const { roster, holdings } = this.#options;
    roster.rest(consumer, clockMs());
    if (consumer.holding.has(message.id)) holdings.owe(consumer, message);
  }

  #settle(consumer: ConsumerState, { id }: Reserved, outcome: Outcome): Promise<void> {
    return this.#options.holdings.settleSurely(consumer, id, outcome);
  }

  #startPaced(delivery: Delivery): void {
    const task: Promise<void> = this.#deliverPaced(delivery, () => this.#paced.delete(task)).catch(
      this.#options.onError,
    );
    this.#paced.add(task);
    void task.finally(() => {
      this.#paced.delete(task);
      this.wake();
    });
  }

  /** To a plain consumer, or without the addon: nobody can settle, so sent = done. */
  async #deliverPaced({ consumer, message }: Delivery, onStalled: () => void): Promise<void> {
    const { roster, endpoint, onWarning } = this.#options;
    roster.served(consumer);
    if (message.body.includes(0) || message.body.length === 0) {
      onWarning(
        `Message ${message.id} has a zero byte or is empty; plain consumer ${consumer.pid} cannot get it.`,
      );
      if (!roster.hasEcho(message.queue))
        return this.#settle(consumer, message, { kind: 'failed' });
      consumer.restsUntil = clockMs() + 1000;
      return this.#settle(consumer, message, { kind: 'release' });
    }
    // The slot stays taken while signals are on their way: the state of the stalled one is not known.
    let settled = false;
    const settle = async (outcome: Outcome) => {
      if (settled) return;
      settled = true;
      consumer.overdue.add(message.id);
      await this.#settle(consumer, message, outcome);
    };
    try {
      await endpoint.sendPlain(consumer, message.body, {
        onStalled: () => {
          onWarning(
            `Plain consumer ${consumer.pid} does not take its signals; its message goes to another.`,
          );
          onStalled();
          void settle({ kind: 'release' }).then(() => this.wake(), this.#options.onError);
        },
      });
      this.#options.onDelivered();
      await settle({ kind: 'done' });
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      onWarning(error.message);
      await settle({ kind: 'lost' });
      await roster.refresh();
    } finally {
      consumer.overdue.delete(message.id);
    }
  }
}

interface Delivery {
  readonly consumer: ConsumerState;
  readonly message: Reserved;
  /** It may have got it before. */
  readonly inDoubt?: boolean;
}

/** Defaults are left out: they cost eight signals a byte, twice. */
function deliveryFrame(message: Reserved, seq: number): Uint8Array {
  const { id, queue, attempt, headers, body } = message;
  const fields = {
    id,
    ...(queue === DEFAULT_QUEUE ? {} : { queue }),
    ...(attempt === 1 ? {} : { attempt }),
    ...(headers?.length ? { headers } : {}),
  };
  return SignalCodec.encode(encodeEnvelope({ seq, body, more: false, control: false, fields }));
}
