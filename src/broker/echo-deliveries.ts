import { clockMs } from '../clock.ts';
import { CodecError } from '../codec/codec-error.ts';
import { seqOf } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import type { BatchSize } from '../link/batch-size.ts';
import type { Channel } from '../link/echo-link.ts';
import { LinkError } from '../link/errors.ts';
import type { Outcome, Reserved } from '../queue/message.ts';
import type { ConsumerState } from './consumer-state.ts';
import {
  bytesOf,
  type Delivery,
  type DeliveryOptions,
  deliveryFrame,
  namesOf,
  packDelivery,
} from './delivery.ts';
import { reasons } from './reasons.ts';
import { type Told, toldWith } from './told.ts';

/** How often a delivery that arrives damaged is tried; damage takes two senders at once. */
const MAX_DELIVERY_TRIES = 5;

/** Refusals after which the consumer may accept the same: `unknown` asks for it without what went before. */
const AGAIN: ReadonlySet<Reason> = new Set([Reason.Damaged, Reason.Unknown]);

export interface EchoDeliveriesOptions extends DeliveryOptions {
  /** Learns how long frames take. */
  readonly size: BatchSize;
}

/** Deliveries to echo consumers, which answer and may settle later. */
export class EchoDeliveries {
  readonly #options: EchoDeliveriesOptions;

  constructor(options: EchoDeliveriesOptions) {
    this.#options = options;
  }

  /**
   * @param following what is to go out after it, as far as is known
   * @returns whether the consumer has them; otherwise they go elsewhere, or to it after a rest
   */
  async deliver(
    channel: Channel,
    { consumer, messages, inDoubt: wasInDoubt }: Delivery,
    following: () => Promise<Delivery | undefined> = async () => undefined,
  ): Promise<boolean> {
    const { inFlight, size, journal } = this.#options;
    // While we waited for the bus the consumer may have settled what was in doubt, or ended.
    const due = messages.filter((message) => inFlight.has(consumer, message));
    if (due.length === 0) return true;
    /** A try of which the end is not known may have been taken. */
    const delivery = { consumer, messages: due, inDoubt: wasInDoubt === true };
    const seq = seqOf(++consumer.sent);
    for (let attempt = 1; ; attempt++) {
      const { told } = consumer;
      const frame = frameOf(delivery, seq, told);
      if (frame instanceof CodecError) return this.#onUndeliverable(channel, delivery, frame);
      if (attempt === 1) packNext(await following(), consumer, toldWith(told, due));
      try {
        consumer.told = undefined; // until we know that it has understood this frame
        if (attempt > 1 || delivery.inDoubt) journal.resent();
        const began = clockMs();
        const outcome = await channel.send(consumer, frame);
        size.learn(bytesOf(due), clockMs() - began);
        if (outcome.kind === 'accepted') {
          this.#onTaken(delivery, told);
          await this.#settle(delivery, { kind: 'done' });
          return true;
        }
        delivery.inDoubt ||= outcome.kind === 'out-of-step';
        const reason = outcome.kind === 'refused' ? outcome.reason : Reason.Damaged;
        if (AGAIN.has(reason) && attempt < MAX_DELIVERY_TRIES) continue;
        if (reason === Reason.TooLarge && due.length > 1)
          return await this.#deliverAlone(channel, delivery);
        if (reason !== Reason.Damaged || !delivery.inDoubt)
          return await this.#onRefused(delivery, reason, told);
        this.owe(delivery);
      } catch (error) {
        if (!(error instanceof LinkError)) {
          this.owe(delivery);
          throw error;
        }
        await this.#onFailed(delivery, error);
      }
      return false;
    }
  }

  /** A producer left no room for what a delivery adds: its message is dead, the others go alone. */
  async #onUndeliverable(
    channel: Channel,
    delivery: Delivery,
    error: CodecError,
  ): Promise<boolean> {
    const { consumer, messages } = delivery;
    const [first, ...others] = messages as [Reserved];
    if (others.length > 0) return this.#deliverAlone(channel, delivery);
    const { id, queue } = first;
    this.#options.journal.say({ type: 'message-undeliverable', id, queue, error });
    this.#options.inFlight.missed(consumer, first);
    const reason = reasons.undeliverable(error);
    await this.#settle({ consumer, messages }, { kind: 'dead', reason });
    return true;
  }

  /** Each in a frame of its own, as one of them does not go with the others. */
  async #deliverAlone(channel: Channel, delivery: Delivery): Promise<boolean> {
    let isTaken = true;
    for (const message of delivery.messages) {
      const alone = { ...delivery, messages: [message] };
      if (isTaken) isTaken = await this.deliver(channel, alone);
      else if (delivery.inDoubt) this.owe(alone);
      else await this.#settle(alone, { kind: 'untaken' });
    }
    return isTaken;
  }

  /** It has them, and says or will say what becomes of them. */
  #onTaken({ consumer, messages, inDoubt }: Delivery, told: Told | undefined): void {
    const { roster, journal } = this.#options;
    consumer.told = toldWith(told, messages);
    roster.answered(consumer);
    if (!inDoubt) for (const message of messages) journal.delivered(message);
  }

  /** @returns whether the consumer had them */
  async #onRefused(delivery: Delivery, reason: Reason, told: Told | undefined): Promise<boolean> {
    const { roster, inFlight, journal } = this.#options;
    const { consumer, messages } = delivery;
    if (reason === Reason.Failed || reason === Reason.Later) this.#onTaken(delivery, told);
    if (reason === Reason.Later) {
      for (const message of messages) inFlight.awaitSettlement(consumer, message);
      return true;
    }
    if (reason === Reason.TooLarge) {
      roster.answered(consumer);
      for (const message of messages) {
        const bytes = message.body.length;
        journal.say({ type: 'message-too-large', ...namesOf(consumer, message), bytes });
        inFlight.missed(consumer, message);
        const alone = { consumer, messages: [message] };
        await this.#settle(alone, { kind: 'failed', reason: reasons.tooLarge(bytes) });
      }
      return true;
    }
    if (reason === Reason.Failed) {
      await this.#settle(delivery, { kind: 'failed' });
      return true;
    }
    if (reason === Reason.Damaged) {
      for (const message of messages)
        journal.say({ type: 'delivery-damaged', ...namesOf(consumer, message) });
    }
    roster.rest(consumer, clockMs());
    await this.#settle(delivery, { kind: 'untaken' });
    return false;
  }

  async #onFailed(delivery: Delivery, error: LinkError): Promise<void> {
    const { roster, rosterWatch, journal } = this.#options;
    const { consumer, messages } = delivery;
    if (error.code !== 'bus-lost' && error.code !== 'link-closed') {
      for (const message of messages)
        journal.say({ type: 'delivery-failed', ...namesOf(consumer, message), error });
    }
    const maybeThere = error.answerPending || delivery.inDoubt === true;
    if (roster.isGone(consumer)) {
      await this.#settle(
        delivery,
        maybeThere ? { kind: 'lost', reason: reasons.ended() } : { kind: 'untaken' },
      );
      return rosterWatch.refresh();
    }
    if (maybeThere) return this.owe(delivery);
    if (error.code !== 'bus-lost') roster.rest(consumer, clockMs());
    return this.#settle(delivery, { kind: 'untaken' });
  }

  /** The consumer may have them: it is asked again after a rest, unless it has ended in the meantime. */
  owe({ consumer, messages }: Delivery): void {
    const { roster, inFlight } = this.#options;
    roster.rest(consumer, clockMs());
    const due = messages.filter((message) => inFlight.has(consumer, message));
    for (const message of due) inFlight.owe(consumer, message);
    if (due.length > 0 && !roster.get(consumer.key)) void inFlight.lose(consumer);
  }

  #settle({ consumer, messages }: Delivery, outcome: Outcome): Promise<void> {
    return this.#options.inFlight.settleSurely(consumer, messages, outcome);
  }
}

/** @param told what that consumer knows once it has taken the frame before it */
function packNext(
  next: Delivery | undefined,
  consumer: ConsumerState,
  told: Told | undefined,
): void {
  if (next) packDelivery(next, next.consumer === consumer ? told : next.consumer.told);
}

/** @returns the error when it fits in no frame */
function frameOf(
  { consumer: { accepts, packer }, messages }: Delivery,
  seq: number,
  told: Told | undefined,
): Uint8Array | CodecError {
  try {
    return deliveryFrame(messages, { seq, told, accepts, packer });
  } catch (error) {
    if (error instanceof CodecError) return error;
    throw error;
  }
}
