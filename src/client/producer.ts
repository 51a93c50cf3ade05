import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { encodeEnvelope } from '../codec/envelope.ts';
import { assertDeliverable, type MessageFields } from '../codec/fields.ts';
import { Reason } from '../codec/reason.ts';
import { type Bit, SignalCodec } from '../codec/signal-codec.ts';
import { Exit, SigmqError } from '../errors.ts';
import type { Channel } from '../link/echo-link.ts';
import type { Endpoint, Numbers } from '../link/endpoint.ts';
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
/** Pause before another try; ms. */
const RETRY_MS = 50;
/** Failures of a link after which the same broker may still answer. */
const PASSING: ReadonlySet<string> = new Set(['bus-lost', 'peer-stalled', 'out-of-step']);

export interface ProducerOptions {
  readonly dir?: string | undefined;
  /** Without a broker, wait for one: when it opens, and when one goes away. Default: fail. */
  readonly wait?: boolean | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
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
  /** Called with each frame that was sent, and what came back; for people who want to see it. */
  readonly onFrame?: ((sent: SentFrame) => void) | undefined;
}

/** A frame with its zero byte, and the echo of each of its bits, low bit of the first byte first. */
export interface SentFrame {
  readonly frame: Uint8Array;
  readonly echoes: readonly Bit[];
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
  readonly #wait: boolean;
  readonly #table: ProcessTable;
  readonly #endpoint: Endpoint;

  /** @throws SigmqError when the runtime directory is missing or unsafe, or no broker runs there */
  static async open({ dir, wait = false, signal }: ProducerOptions = {}): Promise<Producer> {
    const table = processTable();
    for (;;) {
      try {
        const path = openRuntimeDir({ dir, env: process.env, create: wait });
        findBroker(path, table); // fail early, before the threads are touched
        return new Producer(path, wait, table);
      } catch (error) {
        if (!wait || !isNoBroker(error)) throw error;
        await pause(signal);
      }
    }
  }

  private constructor(dir: string, wait: boolean, table: ProcessTable) {
    this.#dir = dir;
    this.#wait = wait;
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
    assertDeliverable(fieldsOf(options, 0));
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

  #sendGroup(
    bodies: readonly Uint8Array[],
    options: SendOptions,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#endpoint.numbered(bodies.length, async (numbers) => {
      const startedAt = clockMs();
      const patience = this.#wait
        ? Number.POSITIVE_INFINITY
        : (options.timeoutMs ?? DEFAULT_PATIENCE_MS);
      for (let attempt = 1; ; attempt++) {
        try {
          const broker = findBroker(this.#dir, this.#table);
          const outcome = await this.#tryGroup(broker, bodies, numbers, options, signal);
          if (outcome.kind === 'accepted') return;
          const damaged = outcome.kind === 'out-of-step' || outcome.reason === Reason.Damaged;
          if (!damaged || attempt >= MAX_TRIES) throw refusal(outcome, bodies, broker);
        } catch (error) {
          const isPassing = error instanceof LinkError && PASSING.has(error.code);
          const again = isPassing || (this.#wait && isNoBroker(error));
          if (!again || clockMs() - startedAt > patience) throw error;
          await pause(signal);
        }
      }
    });
  }

  async #tryGroup(
    broker: BrokerFound,
    bodies: readonly Uint8Array[],
    { epoch, first }: Numbers,
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
          encodeEnvelope({
            seq: (first + i) % SEQ_MODULUS,
            body,
            more: i < bodies.length - 1,
            control: false,
            fields: fieldsOf(options, epoch),
          }),
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
    const echoes: Bit[] = [];
    const onEcho = options.onFrame && ((echo: Bit) => echoes.push(echo));
    outcome = await channel.send(broker, frame, { signal, onProgress, onEcho });
    options.onFrame?.({ frame, echoes });
    if (outcome.kind !== 'accepted') break;
    before += frame.length * 8;
  }
  return outcome;
}

/** Defaults are left out: they cost eight signals a byte, twice. */
function fieldsOf(options: SendOptions, epoch: number): MessageFields {
  const { queue, priority, delayMs, ttlMs, headers } = options;
  return {
    ...(queue === undefined || queue === 'default' ? {} : { queue }),
    ...(priority ? { priority } : {}),
    ...(delayMs ? { delayMs: Math.ceil(delayMs) } : {}),
    ...(ttlMs === undefined ? {} : { ttlMs: Math.ceil(ttlMs) }),
    ...(headers?.length ? { headers } : {}),
    ...(epoch === 0 ? {} : { epoch }),
  };
}

/** No broker runs, it went away, or it is about to: another may come. */
function isNoBroker(error: unknown): boolean {
  return error instanceof SigmqError && error.exitCode === Exit.Unavailable;
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await sleep(RETRY_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
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
