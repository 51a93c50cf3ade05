import { setTimeout as sleep } from 'node:timers/promises';
import { type Envelope, encodeEnvelope } from '../codec/envelope.ts';
import type { MessageFields } from '../codec/fields.ts';
import { Reason } from '../codec/reason.ts';
import { SignalCodec } from '../codec/signal-codec.ts';
import type { SigmqError } from '../errors.ts';
import type { Channel } from '../link/echo-link.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { LinkError } from '../link/errors.ts';
import type { FrameOutcome } from '../link/frame-sender.ts';
import { type BrokerFound, findBroker, inspectBroker } from '../registry/broker-file.ts';
import { type ProcessTable, processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { openClientEndpoint } from './client-endpoint.ts';
import { producerErrors } from './errors.ts';

/** Messages in one hold of the bus; below half of the sequence space. */
const MAX_HOLD_MESSAGES = 48;
/** Bytes in one hold: about 50 ms at 200,000 bits/s, so that the others get their turn. */
const MAX_HOLD_BYTES = 1200;
/** Tries of a frame that arrives damaged or is interrupted; each one synchronises first. */
const MAX_TRIES = 20;
/** A broker that does not answer is given up after this when no timeout is set; ms. */
const DEFAULT_PATIENCE_MS = 5000;
const SEQ_MODULUS = 128;

export interface ProducerOptions {
  readonly dir?: string | undefined;
}

export interface SendOptions {
  readonly queue?: string | undefined;
  /** Higher goes first; 0 to 2^53-1, default 0. */
  readonly priority?: number | undefined;
  readonly delayMs?: number | undefined;
  readonly ttlMs?: number | undefined;
  readonly headers?: readonly (readonly [string, string])[] | undefined;
  /** Give up after this; ms. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((sentBits: number, totalBits: number) => void) | undefined;
}

/**
 * Sends messages to the broker of one runtime directory. A message whose promise has resolved is
 * accepted, and durable by the broker's policy (a plain broker never says so: sent is all one knows).
 *
 * @example
 * const producer = await Producer.open();
 * await producer.send('hello');
 * await producer.close();
 */
export class Producer {
  readonly #dir: string;
  readonly #table: ProcessTable;
  readonly #endpoint: Endpoint;

  /** @throws SigmqError when the runtime directory is missing or unsafe, or no broker runs there */
  static async open(options: ProducerOptions = {}): Promise<Producer> {
    const dir = openRuntimeDir({ dir: options.dir, env: process.env, create: false });
    const table = processTable();
    findBroker(dir, table); // fail early, before the threads are touched
    return new Producer(dir, table);
  }

  private constructor(dir: string, table: ProcessTable) {
    this.#dir = dir;
    this.#table = table;
    this.#endpoint = openClientEndpoint(dir, table);
  }

  /** The largest message that the broker of this moment takes, bytes; undefined: it does not say. */
  get maxMessageBytes(): number | undefined {
    const found = inspectBroker(this.#dir, this.#table);
    return found.ok ? found.maxMessageBytes : undefined;
  }

  /** Why messages go out without confirmation; undefined with the addon. */
  get plainBecause(): string | undefined {
    return this.#endpoint.plainBecause;
  }

  /** Sends one message and waits until it is accepted. @throws SigmqError */
  async send(body: string | Uint8Array, options: SendOptions = {}): Promise<void> {
    await this.sendAll([body], options);
  }

  /**
   * Sends many messages, in order, several in one hold of the bus. The answer to the last of a hold
   * confirms them all. `onConfirmed` hears how many more are safe, after each hold.
   * @throws SigmqError; what was not confirmed by then may or may not have arrived
   */
  async sendAll(
    bodies: Iterable<string | Uint8Array>,
    options: SendOptions & { onConfirmed?: (count: number) => void } = {},
  ): Promise<void> {
    const deadline = deadlineOf(options);
    try {
      let group: Uint8Array[] = [];
      let bytes = 0;
      const flush = async () => {
        if (group.length === 0) return;
        await this.#sendGroup(group, options, deadline.signal);
        options.onConfirmed?.(group.length);
        group = [];
        bytes = 0;
      };
      for (const given of bodies) {
        const body = typeof given === 'string' ? Buffer.from(given) : given;
        if (body.length === 0) throw producerErrors.empty();
        if (bytes + body.length > MAX_HOLD_BYTES || group.length >= MAX_HOLD_MESSAGES)
          await flush();
        group.push(body);
        bytes += body.length;
      }
      await flush();
    } finally {
      deadline.clear();
    }
  }

  async close(): Promise<void> {
    await this.#endpoint.close();
  }

  async #sendGroup(
    bodies: readonly Uint8Array[],
    options: SendOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const first = this.#endpoint.takeSeqs(bodies.length);
    const startedAt = Date.now();
    for (let attempt = 1; ; attempt++) {
      const found = findBroker(this.#dir, this.#table);
      try {
        const outcome = await this.#tryGroup(found, bodies, first, options, signal);
        if (outcome.kind === 'accepted') return;
        const retry = outcome.kind === 'out-of-step' || outcome.reason === Reason.Damaged;
        if (!retry || attempt >= MAX_TRIES) throw refusal(outcome, bodies, found);
      } catch (error) {
        if (!(error instanceof LinkError)) throw error;
        if (error.code === 'peer-gone') throw error;
        const patience = options.timeoutMs ?? DEFAULT_PATIENCE_MS;
        const again =
          error.code === 'bus-lost' ||
          error.code === 'peer-stalled' ||
          error.code === 'out-of-step';
        if (!again || Date.now() - startedAt > patience) throw error;
        await sleep(50, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  async #tryGroup(
    broker: BrokerFound,
    bodies: readonly Uint8Array[],
    first: number,
    options: SendOptions,
    signal: AbortSignal,
  ): Promise<FrameOutcome> {
    const { maxMessageBytes } = broker;
    for (const body of bodies) {
      if (maxMessageBytes !== undefined && body.length > maxMessageBytes) {
        throw producerErrors.tooLarge(body.length, maxMessageBytes);
      }
    }
    const { echo } = this.#endpoint;
    if (broker.kind === 'echo' && echo) {
      const frames = bodies.map((body, i) =>
        SignalCodec.encode(
          encodeEnvelope(envelope(body, (first + i) % SEQ_MODULUS, i < bodies.length - 1, options)),
        ),
      );
      return echo.withBus(
        (channel) => sendFrames(channel, broker, frames, options, signal),
        signal,
      );
    }
    checkPlain(bodies, options);
    await this.#endpoint.exclusively(async () => {
      for (const body of bodies) {
        await this.#endpoint.sendPlain(broker, body, { signal, onProgress: options.onProgress });
      }
    }, signal);
    return { kind: 'accepted' };
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
    outcome = await channel.send(broker, frame, { signal, onProgress });
    if (outcome.kind !== 'accepted') break;
    before += frame.length * 8;
  }
  return outcome;
}

/** Defaults are left out: they cost eight signals a byte, twice. */
function envelope(body: Uint8Array, seq: number, more: boolean, options: SendOptions): Envelope {
  const { queue, priority, delayMs, ttlMs, headers } = options;
  const fields: MessageFields = {
    ...(queue === undefined || queue === 'default' ? {} : { queue }),
    ...(priority ? { priority } : {}),
    ...(delayMs ? { delayMs } : {}),
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(headers?.length ? { headers } : {}),
  };
  return { seq, body, more, control: false, fields };
}

function checkPlain(bodies: readonly Uint8Array[], options: SendOptions): void {
  const { queue = 'default', priority = 0, delayMs = 0, ttlMs, headers = [] } = options;
  if (
    queue !== 'default' ||
    priority !== 0 ||
    delayMs !== 0 ||
    ttlMs !== undefined ||
    headers.length > 0
  ) {
    throw producerErrors.plainOptions();
  }
  if (bodies.some((body) => body.includes(0))) throw producerErrors.zeroForPlain();
}

function refusal(
  outcome: FrameOutcome,
  bodies: readonly Uint8Array[],
  broker: BrokerFound,
): SigmqError {
  if (outcome.kind !== 'refused') return producerErrors.unconfirmed('its frames arrive damaged.');
  const largest = Math.max(...bodies.map((body) => body.length));
  switch (outcome.reason) {
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
      return producerErrors.refused(outcome.reason);
  }
}

function deadlineOf({ timeoutMs, signal }: SendOptions): { signal: AbortSignal; clear(): void } {
  const own = new AbortController();
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => own.abort(producerErrors.timeout(timeoutMs)), timeoutMs);
  return {
    signal: signal ? AbortSignal.any([signal, own.signal]) : own.signal,
    clear: () => clearTimeout(timer),
  };
}
