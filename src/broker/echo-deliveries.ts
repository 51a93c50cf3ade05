import { clockMs } from '../clock.ts';
import { CodecError } from '../codec/codec-error.ts';
import { seqOf } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import type { Channel } from '../link/echo-link.ts';
import { LinkError } from '../link/errors.ts';
import type { Outcome, Reserved } from '../queue/store.ts';
import type { ConsumerState } from './consumer-state.ts';
import { type Delivery, type DeliveryOptions, deliveryFrame, namesOf } from './delivery.ts';

/** How often a delivery that arrives damaged is tried; damage takes two senders at once. */
const MAX_DELIVERY_TRIES = 5;

/** Deliveries to echo consumers, which answer and may settle later. */
export class EchoDeliveries {
  readonly #options: DeliveryOptions;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  async deliver(channel: Channel, delivery: Delivery): Promise<void> {
    const { consumer, message } = delivery;
    // While we waited for the bus, the consumer may have settled the message in doubt, or ended.
    if (!this.#options.inFlight.has(consumer, message)) return;
    const frame = this.#frameOf(delivery);
    if (!frame) return this.#settle(consumer, message, { kind: 'dead' });
    /** A try whose outcome is unknown may have been accepted. */
    let inDoubt = delivery.inDoubt === true;
    for (let attempt = 1; ; attempt++) {
      try {
        consumer.told = undefined; // until we know that it has understood this frame
        const outcome = await channel.send(consumer, frame);
        if (outcome.kind === 'accepted') {
          this.#onTaken(delivery);
          return await this.#settle(consumer, message, { kind: 'done' });
        }
        inDoubt ||= outcome.kind === 'out-of-step';
        const reason = outcome.kind === 'refused' ? outcome.reason : Reason.Damaged;
        if (reason === Reason.Damaged && attempt < MAX_DELIVERY_TRIES) continue;
        if (reason === Reason.Damaged && inDoubt) return this.owe(delivery);
        return await this.#onRefused(delivery, reason);
      } catch (error) {
        if (error instanceof LinkError)
          return await this.#onFailed({ ...delivery, inDoubt }, error);
        this.owe(delivery);
        throw error;
      }
    }
  }

  /** Undefined if it does not fit into a frame: its producer left no room for what a delivery adds. */
  #frameOf({ consumer, message }: Delivery): Uint8Array | undefined {
    const { id, queue } = message;
    try {
      return deliveryFrame(message, { seq: seqOf(++consumer.sent), told: consumer.told });
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#options.journal.say({ type: 'message-undeliverable', id, queue, error });
      return undefined;
    }
  }

  /** The consumer has it, and says now or later how it ended. */
  #onTaken({ consumer, message, inDoubt }: Delivery): void {
    const { roster, journal } = this.#options;
    consumer.told = message.incarnation;
    roster.served(consumer);
    if (!inDoubt) journal.delivered(message);
  }

  async #onRefused(delivery: Delivery, reason: Reason): Promise<void> {
    const { roster, inFlight, journal } = this.#options;
    const { consumer, message } = delivery;
    if (reason === Reason.Failed || reason === Reason.Later) this.#onTaken(delivery);
    if (reason === Reason.Failed) return this.#settle(consumer, message, { kind: 'failed' });
    if (reason === Reason.Later) return inFlight.awaitSettlement(consumer, message);
    if (reason === Reason.TooLarge) {
      roster.served(consumer);
      journal.say({ type: 'message-too-large', ...namesOf(delivery), bytes: message.body.length });
      return this.#settle(consumer, message, { kind: 'failed' });
    }
    if (reason === Reason.Damaged) {
      journal.say({ type: 'delivery-damaged', ...namesOf(delivery) });
    }
    roster.rest(consumer, clockMs());
    return this.#settle(consumer, message, { kind: 'untaken' });
  }

  async #onFailed(delivery: Delivery, error: LinkError): Promise<void> {
    const { roster, rosterWatch, journal } = this.#options;
    const { consumer, message } = delivery;
    if (error.code !== 'bus-lost' && error.code !== 'link-closed') {
      journal.say({ type: 'delivery-failed', ...namesOf(delivery), error });
    }
    const maybeThere = error.answerPending || delivery.inDoubt === true;
    if (roster.isGone(consumer)) {
      await this.#settle(consumer, message, { kind: maybeThere ? 'lost' : 'untaken' });
      return rosterWatch.refresh();
    }
    if (maybeThere) return this.owe(delivery);
    if (error.code !== 'bus-lost') roster.rest(consumer, clockMs());
    return this.#settle(consumer, message, { kind: 'untaken' });
  }

  /** The consumer may have it: it is asked again after a rest, unless it has ended in the meantime. */
  owe({ consumer, message }: Delivery): void {
    const { roster, inFlight } = this.#options;
    roster.rest(consumer, clockMs());
    if (!inFlight.has(consumer, message)) return;
    inFlight.owe(consumer, message);
    if (!roster.get(consumer.key)) void inFlight.lose(consumer);
  }

  #settle(consumer: ConsumerState, { id }: Reserved, outcome: Outcome): Promise<void> {
    return this.#options.inFlight.settleSurely(consumer, id, outcome);
  }
}
