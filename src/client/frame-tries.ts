import { clockMs } from '../clock.ts';
import type { Entry } from '../codec/batch.ts';
import { seqOf } from '../codec/envelope.ts';
import { DEFAULT_QUEUE } from '../codec/fields.ts';
import { Reason } from '../codec/reason.ts';
import type { Bit } from '../codec/signal-codec.ts';
import type { SigmqError } from '../errors.ts';
import type { BatchSize } from '../link/batch-size.ts';
import type { Channel } from '../link/echo-link.ts';
import type { Endpoint, Numbers } from '../link/endpoint.ts';
import { isPassing } from '../link/errors.ts';
import type { FrameOutcome } from '../link/frame-sender.ts';
import { acceptsOf, contentOf, messagesFrame, NOTHING_MORE, packAhead } from '../link/messages.ts';
import { type BrokerFound, findBroker } from '../registry/broker-file.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { ProducerError, producerErrors } from './errors.ts';
import { sendPlainGroup } from './plain-group.ts';
import { isNoBroker, untilAnswered } from './retry.ts';
import type { SendOptions } from './send-options.ts';

/** How often a frame that arrives damaged or is interrupted is tried; each try synchronises first. */
const MAX_FRAME_TRIES = 20;
/** Without a timeout, a broker that does not answer is given up this long after the last echo; ms. */
const DEFAULT_PATIENCE_MS = 5000;
/** Refusals after which the same broker may accept the frame: `unknown` asks for the number in full. */
const AGAIN: ReadonlySet<Reason> = new Set([Reason.Damaged, Reason.Unknown]);

export interface SendingTo {
  readonly dir: string;
  readonly table: ProcessTable;
  readonly endpoint: Endpoint;
  /** Wait for a broker if there is none. */
  readonly wait: boolean;
  /** Learns how long frames take. */
  readonly size: BatchSize;
  /** Packs nothing. */
  readonly isPlainText: boolean;
}

/** What of {@link SendOptions} is not about the messages themselves. */
export interface Watching extends Pick<SendOptions, 'timeoutMs' | 'onProgress' | 'onFrame'> {
  /** Those that will be sent after these, as far as is known when these go out. */
  readonly following?: (() => readonly Entry[]) | undefined;
}

/** One frame, sent until a broker has answered: always under the same number. */
export class FrameTries {
  readonly #to: SendingTo;
  readonly #messages: readonly Entry[];
  readonly #options: Watching;
  readonly #numbers: Numbers;
  readonly #signal: AbortSignal | undefined;
  #tries = 0;
  /** When the last echo came, by `clockMs()`. */
  #movedAt = clockMs();
  #echoed = 0;
  /** A try may have arrived whole, and its answer did not come. */
  #inDoubt = false;

  constructor(
    to: SendingTo,
    messages: readonly Entry[],
    options: Watching,
    numbers: Numbers,
    signal: AbortSignal | undefined,
  ) {
    this.#to = to;
    this.#messages = messages;
    this.#options = options;
    this.#numbers = numbers;
    this.#signal = signal;
  }

  /**
   * @returns the incarnation that has accepted it
   * @throws SigmqError, the reason of the signal; it may or may not have arrived
   */
  async run(): Promise<number | undefined> {
    const { wait } = this.#to;
    // With a timeout, the signal ends it, with the same error whatever is going on by then.
    const isBounded = wait || this.#options.timeoutMs !== undefined;
    const patience = isBounded ? Number.POSITIVE_INFINITY : DEFAULT_PATIENCE_MS;
    const passes = (error: unknown) =>
      (isPassing(error) || (wait && isNoBroker(error))) && clockMs() - this.#movedAt <= patience;
    const broker = await untilAnswered(() => this.#untilAccepted(), passes, this.#signal);
    return broker.incarnation;
  }

  async #untilAccepted(): Promise<BrokerFound> {
    try {
      for (;;) {
        const broker = findBroker(this.#to.dir, this.#to.table);
        const outcome = await this.#try(broker);
        if (outcome.kind === 'accepted') return broker;
        this.#inDoubt ||= outcome.kind === 'out-of-step';
        const reason = outcome.kind === 'refused' ? outcome.reason : Reason.Damaged;
        if (!AGAIN.has(reason) || this.#tries >= MAX_FRAME_TRIES)
          throw refusal(reason, this.#messages, broker);
      }
    } catch (error) {
      if (error instanceof ProducerError) error.mayBeStored = this.#inDoubt;
      else this.#inDoubt = true;
      throw error;
    }
  }

  async #try(broker: BrokerFound): Promise<FrameOutcome> {
    const { endpoint, size } = this.#to;
    const isFirst = ++this.#tries === 1;
    const { maxMessageBytes = Number.POSITIVE_INFINITY } = broker;
    const tooLarge = this.#messages.find(({ body }) => body.length > maxMessageBytes);
    if (tooLarge) throw producerErrors.tooLarge(tooLarge.body.length, maxMessageBytes);
    if (broker.kind !== 'echo' || !endpoint.echo) {
      const watching = { onProgress: this.#onProgress };
      await sendPlainGroup(endpoint, broker, this.#messages, watching, this.#signal);
      return { kind: 'accepted' };
    }
    const frame = this.#frameFor(broker, isFirst);
    const askedAt = clockMs();
    return endpoint.echo.withBus(async (channel) => {
      const began = clockMs();
      // The line for the bus may be long: that is no silence of the broker.
      this.#movedAt += began - askedAt;
      const outcome = await this.#send(channel, broker, frame);
      size.learn(bytesOf(this.#messages), clockMs() - began);
      return outcome;
    }, this.#signal);
  }

  /** What the broker knows from the frame before need not be said, in the first try. */
  #frameFor({ incarnation, accepts }: BrokerFound, isFirst: boolean): Uint8Array {
    const { number, knownTo, packer } = this.#numbers;
    const isKnown = isFirst && incarnation !== undefined && incarnation === knownTo;
    if (!isKnown) packer.reset();
    const { fields, entries } = contentOf(this.#messages);
    const said = number > 0 && !isKnown ? { ...fields, number } : fields;
    const how = this.#to.isPlainText ? NOTHING_MORE : acceptsOf(accepts);
    const learned = how.model ? { packer } : {};
    return messagesFrame(seqOf(number), { fields: said, entries }, how, learned);
  }

  async #send(channel: Channel, broker: BrokerFound, frame: Uint8Array): Promise<FrameOutcome> {
    const { onFrame, following } = this.#options;
    const echoes: Bit[] = [];
    const onEcho = onFrame && ((echo: Bit) => echoes.push(echo));
    if (following) this.#packAhead(broker, following());
    const watching = { signal: this.#signal, onProgress: this.#onProgress, onEcho };
    const outcome = await channel.send(broker, frame, watching);
    onFrame?.({ frame, echoes });
    return outcome;
  }

  #packAhead({ accepts }: BrokerFound, following: readonly Entry[]): void {
    const { batch, model } = acceptsOf(accepts);
    if (following.length === 0 || this.#to.isPlainText || !batch || !model) return;
    packAhead(contentOf(following), this.#numbers.packer);
  }

  readonly #onProgress = (sent: number, total: number): void => {
    if (sent > 0 && sent !== this.#echoed) this.#movedAt = clockMs();
    this.#echoed = sent;
    this.#options.onProgress?.(sent, total);
  };
}

function bytesOf(messages: readonly Entry[]): number {
  return messages.reduce((sum, { body }) => sum + body.length, 0);
}

function queuesOf(messages: readonly Entry[]): string {
  const names = new Set(messages.map(({ fields }) => fields.queue ?? DEFAULT_QUEUE));
  return `queue ${[...names].join(' or ')}`;
}

function refusal(reason: Reason, messages: readonly Entry[], broker: BrokerFound): SigmqError {
  const largest = Math.max(...messages.map(({ body }) => body.length));
  switch (reason) {
    case Reason.TooLarge:
      return producerErrors.tooLarge(largest, broker.maxMessageBytes);
    case Reason.Full:
      return producerErrors.full(queuesOf(messages));
    case Reason.Store:
      return producerErrors.store();
    case Reason.Closing:
      return producerErrors.closing();
    case Reason.Damaged:
      return producerErrors.unconfirmed('its frames arrive damaged.');
    default:
      return producerErrors.refused(reason);
  }
}
