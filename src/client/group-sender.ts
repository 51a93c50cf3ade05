import { clockMs } from '../clock.ts';
import type { Entry } from '../codec/batch.ts';
import { seqOf } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import type { Bit } from '../codec/signal-codec.ts';
import type { SigmqError } from '../errors.ts';
import type { BatchSize } from '../link/batch-size.ts';
import type { Channel } from '../link/echo-link.ts';
import type { Endpoint, Numbers } from '../link/endpoint.ts';
import { isPassing } from '../link/errors.ts';
import type { FrameOutcome } from '../link/frame-sender.ts';
import { acceptsOf, contentOf, messagesFrame, NOTHING_MORE } from '../link/messages.ts';
import type { Packer } from '../link/packing.ts';
import { type BrokerFound, findBroker, inspectBroker } from '../registry/broker-file.ts';
import type { ProcessTable } from '../registry/process-table.ts';
import { ProducerError, producerErrors } from './errors.ts';
import { sendPlainGroup } from './plain-group.ts';
import { isNoBroker, untilAnswered } from './retry.ts';
import type { SendOptions } from './send-options.ts';

/** How often a frame that arrives damaged or is interrupted is tried; each try synchronises first. */
const MAX_FRAME_TRIES = 20;
/** Without a timeout, a broker that does not answer is given up this long after the last echo; ms. */
const DEFAULT_PATIENCE_MS = 5000;
/** Refusals after which the same broker may accept the group: `unknown` asks for the number in full. */
const AGAIN: ReadonlySet<Reason> = new Set([Reason.Damaged, Reason.Unknown]);

export interface GroupSenderOptions {
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
export type Watching = Pick<SendOptions, 'timeoutMs' | 'onProgress' | 'onFrame'>;

/** Sends groups of messages, each in one frame, and retries until the broker has answered. */
export class GroupSender {
  readonly #to: GroupSenderOptions;

  constructor(to: GroupSenderOptions) {
    this.#to = to;
  }

  /**
   * Resolves when the whole group is accepted.
   * @throws SigmqError, the reason of `signal`; the group may or may not have arrived
   */
  async send(messages: readonly Entry[], options: Watching, signal: AbortSignal): Promise<void> {
    const isOne = messages.length === 1 || this.takesBatches();
    for (const some of isOne ? [messages] : messages.map((message) => [message])) {
      await this.#sendFrame(some, options, signal);
    }
  }

  /** The broker of this moment; a plain one takes messages one after the other in one hold of the bus. */
  takesBatches(): boolean {
    const { dir, table } = this.#to;
    const found = inspectBroker(dir, table);
    return !found.ok || found.kind === 'plain' || acceptsOf(found.accepts).batch;
  }

  #sendFrame(messages: readonly Entry[], options: Watching, signal: AbortSignal): Promise<void> {
    const { dir, table, endpoint, wait } = this.#to;
    const work = async ({ first, knownTo, packer }: Numbers) => {
      let movedAt = clockMs();
      let echoed = 0;
      const onProgress = (sent: number, total: number) => {
        if (sent > 0 && sent !== echoed) movedAt = clockMs();
        echoed = sent;
        options.onProgress?.(sent, total);
      };
      const watched = { ...options, onProgress };
      // With a timeout, `signal` ends it, with the same error whatever is going on by then.
      const isBounded = wait || options.timeoutMs !== undefined;
      const patience = isBounded ? Number.POSITIVE_INFINITY : DEFAULT_PATIENCE_MS;
      const passes = (error: unknown) =>
        (isPassing(error) || (wait && isNoBroker(error))) && clockMs() - movedAt <= patience;
      let tries = 0;
      let inDoubt = false;
      const attempt = async (): Promise<BrokerFound> => {
        for (;;) {
          tries++;
          const broker = findBroker(dir, table);
          const isKnown = broker.incarnation !== undefined && broker.incarnation === knownTo;
          knownTo = undefined; // until the group is accepted
          if (!isKnown) packer.reset();
          const numbers = { first, isSaid: first > 0 && !isKnown, packer };
          const askedAt = clockMs();
          // The line for the bus may be long: that is no silence of the broker.
          const onTurn = () => {
            movedAt += clockMs() - askedAt;
          };
          const options = { ...watched, onTurn };
          const outcome = await this.#try(broker, messages, numbers, options, signal);
          if (outcome.kind === 'accepted') return broker;
          inDoubt ||= outcome.kind === 'out-of-step';
          const reason = outcome.kind === 'refused' ? outcome.reason : Reason.Damaged;
          if (!AGAIN.has(reason) || tries >= MAX_FRAME_TRIES)
            throw refusal(reason, messages, broker);
        }
      };
      const noted = (error: unknown) => {
        if (error instanceof ProducerError) error.mayBeStored = inDoubt;
        else inDoubt = true;
        throw error;
      };
      const answer = await untilAnswered(() => attempt().catch(noted), passes, signal);
      return answer.incarnation;
    };
    return endpoint.numbered(1, work, signal);
  }

  /** @param numbers whether the frame states its number in full */
  async #try(
    broker: BrokerFound,
    messages: readonly Entry[],
    { first, isSaid, packer }: { first: number; isSaid: boolean; packer: Packer },
    options: Watching & { onTurn(): void },
    signal: AbortSignal,
  ): Promise<FrameOutcome> {
    const { maxMessageBytes } = broker;
    for (const { body } of messages) {
      if (maxMessageBytes !== undefined && body.length > maxMessageBytes) {
        throw producerErrors.tooLarge(body.length, maxMessageBytes);
      }
    }
    const { endpoint, size, isPlainText } = this.#to;
    if (broker.kind !== 'echo' || !endpoint.echo) {
      await sendPlainGroup(endpoint, broker, messages, options, signal);
      return { kind: 'accepted' };
    }
    const content = contentOf(messages);
    const numbered = isSaid ? { ...content.fields, number: first } : content.fields;
    const accepts = isPlainText ? NOTHING_MORE : acceptsOf(broker.accepts);
    const all = { ...content, fields: numbered };
    const frame = messagesFrame(seqOf(first), all, accepts, { packer });
    return endpoint.echo.withBus(async (channel) => {
      options.onTurn();
      const began = clockMs();
      const outcome = await sendFrame(channel, broker, frame, options, signal);
      size.learn(bytesOf(messages), clockMs() - began);
      return outcome;
    }, signal);
  }
}

async function sendFrame(
  channel: Channel,
  broker: BrokerFound,
  frame: Uint8Array,
  { onProgress, onFrame }: Watching,
  signal: AbortSignal,
): Promise<FrameOutcome> {
  const echoes: Bit[] = [];
  const onEcho = onFrame && ((echo: Bit) => echoes.push(echo));
  const outcome = await channel.send(broker, frame, { signal, onProgress, onEcho });
  onFrame?.({ frame, echoes });
  return outcome;
}

function bytesOf(messages: readonly Entry[]): number {
  return messages.reduce((sum, { body }) => sum + body.length, 0);
}

function refusal(reason: Reason, messages: readonly Entry[], broker: BrokerFound): SigmqError {
  const largest = Math.max(...messages.map(({ body }) => body.length));
  switch (reason) {
    case Reason.TooLarge:
      return producerErrors.tooLarge(largest, broker.maxMessageBytes);
    case Reason.Full:
      return producerErrors.full();
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
