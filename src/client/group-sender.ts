import { clockMs } from '../clock.ts';
import { encodeEnvelope, seqOf } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import { type Bit, SignalCodec } from '../codec/signal-codec.ts';
import type { SigmqError } from '../errors.ts';
import type { Channel } from '../link/echo-link.ts';
import type { Endpoint, Numbers } from '../link/endpoint.ts';
import { isPassing } from '../link/errors.ts';
import type { FrameOutcome } from '../link/frame-sender.ts';
import { type BrokerFound, findBroker } from '../registry/broker-file.ts';
import type { ProcessTable } from '../registry/process-table.ts';
import { producerErrors } from './errors.ts';
import { sendPlainGroup } from './plain-group.ts';
import { isNoBroker, untilAnswered } from './retry.ts';
import { fieldsOf, type SendOptions } from './send-options.ts';

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
}

/** Sends groups of messages, each in one hold of the bus, and retries until the broker has answered. */
export class GroupSender {
  readonly #to: GroupSenderOptions;

  constructor(to: GroupSenderOptions) {
    this.#to = to;
  }

  /**
   * Resolves when the whole group is accepted.
   * @throws SigmqError, the reason of `signal`; the group may or may not have arrived
   */
  send(bodies: readonly Uint8Array[], options: SendOptions, signal: AbortSignal): Promise<void> {
    const { dir, table, endpoint, wait } = this.#to;
    const work = async ({ first, knownTo }: Numbers) => {
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
      const attempt = async (): Promise<BrokerFound> => {
        for (;;) {
          tries++;
          const broker = findBroker(dir, table);
          const isKnown = broker.incarnation !== undefined && broker.incarnation === knownTo;
          knownTo = undefined; // until the group is accepted
          const numbers = { first, isSaid: first > 0 && !isKnown };
          const askedAt = clockMs();
          // The line for the bus may be long: that is no silence of the broker.
          const onTurn = () => {
            movedAt += clockMs() - askedAt;
          };
          const outcome = await this.#try(broker, bodies, numbers, { ...watched, onTurn }, signal);
          if (outcome.kind === 'accepted') return broker;
          const reason = outcome.kind === 'refused' ? outcome.reason : Reason.Damaged;
          if (!AGAIN.has(reason) || tries >= MAX_FRAME_TRIES) throw refusal(reason, bodies, broker);
        }
      };
      return (await untilAnswered(attempt, passes, signal)).incarnation;
    };
    return endpoint.numbered(bodies.length, work, signal);
  }

  /** @param numbers whether the first frame states its number in full */
  async #try(
    broker: BrokerFound,
    bodies: readonly Uint8Array[],
    { first, isSaid }: { readonly first: number; readonly isSaid: boolean },
    options: SendOptions & { onTurn(): void },
    signal: AbortSignal,
  ): Promise<FrameOutcome> {
    const { maxMessageBytes } = broker;
    for (const body of bodies) {
      if (maxMessageBytes !== undefined && body.length > maxMessageBytes) {
        throw producerErrors.tooLarge(body.length, maxMessageBytes);
      }
    }
    const { endpoint } = this.#to;
    if (broker.kind !== 'echo' || !endpoint.echo) {
      await sendPlainGroup(endpoint, broker, bodies, options, signal);
      return { kind: 'accepted' };
    }
    const fields = fieldsOf(options);
    const frames = bodies.map((body, i) =>
      SignalCodec.encode(
        encodeEnvelope({
          seq: seqOf(first + i),
          body,
          more: i < bodies.length - 1,
          control: false,
          fields: i === 0 && isSaid ? { ...fields, number: first } : fields,
        }),
      ),
    );
    return endpoint.echo.withBus((channel) => {
      options.onTurn();
      return sendFrames(channel, broker, frames, options, signal);
    }, signal);
  }
}

async function sendFrames(
  channel: Channel,
  broker: BrokerFound,
  frames: readonly Uint8Array[],
  options: SendOptions,
  signal: AbortSignal,
): Promise<FrameOutcome> {
  const total = frames.reduce((sum, frame) => sum + frame.length * 8, 0);
  let before = 0;
  let outcome: FrameOutcome = { kind: 'accepted' };
  for (const frame of frames) {
    const onProgress =
      options.onProgress && ((sent: number) => options.onProgress?.(before + sent, total));
    const echoes: Bit[] = [];
    const onEcho = options.onFrame && ((echo: Bit) => echoes.push(echo));
    outcome = await channel.send(broker, frame, { signal, onProgress, onEcho });
    options.onFrame?.({ frame, echoes });
    if (outcome.kind !== 'accepted') break;
    before += frame.length * 8;
  }
  return outcome;
}

function refusal(reason: number, bodies: readonly Uint8Array[], broker: BrokerFound): SigmqError {
  const largest = Math.max(...bodies.map((body) => body.length));
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
