import { closeOn } from '../close-on.ts';
import { DEFAULT_QUEUE } from '../codec/fields.ts';
import type { Endpoint, Receiver } from '../link/endpoint.ts';
import { ACCEPTS } from '../link/messages.ts';
import { groupQueue } from '../options/groups.ts';
import { DEFAULT_LINGER_MS } from '../options/values.ts';
import { weighed } from '../options/weights.ts';
import { inspectBroker } from '../registry/broker-file.ts';
import { isStopped } from '../registry/process-info.ts';
import { processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { tell } from '../warning.ts';
import { batchesOf } from './batch-stream.ts';
import { openClientEndpoint } from './client-endpoint.ts';
import { consumerErrors } from './consumer-errors.ts';
import { Deliveries } from './deliveries.ts';
import { Handled } from './handled.ts';
import { Handling } from './handling.ts';
import { joinGroups } from './join.ts';
import { type Message, plainMessage } from './message.ts';
import { MessageStream } from './message-stream.ts';
import { type BatchOptions, type ConsumerOptions, checkBatches, checkConsumer } from './options.ts';
import { Registration } from './registration.ts';
import { Requester } from './requester.ts';
import { Settler } from './settler.ts';
import { unpackerSoFar } from './told.ts';
import { waitingIn } from './waiting.ts';

/**
 * Takes messages from the broker of one runtime directory, whichever process that is: a consumer survives a restart
 * of the broker, and may be started first.
 *
 * @example
 * const consumer = await Consumer.open({ queues: ['mail'] });
 * for await (const message of consumer) {
 *   console.log(message.text());
 *   await message.done();
 * }
 */
export class Consumer implements AsyncIterable<Message> {
  /** Opened in this process so far: the broker counts for each what it gives it. */
  static #opened = 0;
  readonly dir: string;
  readonly #options: ConsumerOptions;
  readonly #nth: number;
  /** Or its groups of them. */
  readonly #queues: readonly string[];
  readonly #weights: readonly number[] | undefined;
  readonly #table = processTable();
  readonly #receiver: Receiver;
  readonly #endpoint: Endpoint;
  readonly #requester: Requester;
  readonly #settler: Settler;
  readonly #deliveries: Deliveries;
  readonly #registration: Registration;
  readonly #handling: Handling | undefined;
  readonly #stream = new MessageStream(() => this.close());
  #forgetSignal = () => {};
  #closed: Promise<void> | undefined;

  /**
   * Makes this process safe to signal and only then registers it.
   * @throws OptionError; SigmqError when the runtime directory, or a file in it, cannot be created or is unsafe; the
   * reason of `signal`
   */
  static async open(options: ConsumerOptions = {}): Promise<Consumer> {
    checkConsumer(options);
    const { signal } = options;
    signal?.throwIfAborted();
    const dir = openRuntimeDir({ dir: options.dir, env: process.env, create: true });
    const consumer = new Consumer(dir, options);
    try {
      if (options.group !== undefined)
        await joinGroups(consumer.#requester, consumer.#queues, consumer.#report, signal);
      await consumer.#registration.begin();
    } catch (error) {
      await consumer.#endpoint.close(consumer.#receiver); // or it would keep the process alive
      throw error;
    }
    if (signal?.aborted) {
      await consumer.close();
      throw signal.reason;
    }
    consumer.#forgetSignal = closeOn(signal, consumer, consumer.#report);
    // Not before the caller has the consumer: a handler may want to close it.
    setImmediate(() => consumer.#handling?.start());
    return consumer;
  }

  private constructor(dir: string, options: ConsumerOptions) {
    this.#nth = ++Consumer.#opened;
    this.dir = dir;
    this.#options = options;
    const { queues, weights } = weighed(options.queues ?? [DEFAULT_QUEUE]);
    const { group } = options;
    this.#queues = group === undefined ? queues : queues.map((name) => groupQueue(name, group));
    this.#weights = weights;
    const table = this.#table;
    const onError = this.#report;
    this.#receiver = {
      onFrame: (sender, frame) => this.#deliveries.judge(sender, frame),
      onPlain: (_sender, body) => this.#takePlain(body),
      unpackerFor: unpackerSoFar,
      lingers: () => this.#settler.idle,
      onBug: onError,
    };
    const endpoint = openClientEndpoint(dir, table, this.#receiver);
    this.#endpoint = endpoint;
    this.#requester = new Requester(dir, table, endpoint);
    const handled = new Handled();
    this.#settler = new Settler({ dir, table, endpoint, handled, onError });
    const { handler, jobs = 1 } = options;
    const keep = (work: Promise<unknown>) => this.#settler.keep(work);
    this.#handling = handler && new Handling({ handler, jobs, keep, onError });
    this.#deliveries = new Deliveries({
      settler: this.#settler,
      handled,
      take: (message) => this.#take(message),
      judgeControl: (envelope) => this.#requester.judge(envelope),
    });
    this.#registration = new Registration({
      dir,
      asked: options.dir,
      table,
      attrs: this.#attrs,
      onError,
      onLost: options.onLost ?? onError,
    });
  }

  /** Why this consumer cannot confirm what it takes; undefined with the addon. */
  get plainBecause(): string | undefined {
    return this.#endpoint.plainBecause;
  }

  /**
   * How many messages the broker has that this consumer could get now, or holds.
   * @throws SigmqError no broker is running, or it does not answer
   */
  waiting(): Promise<number> {
    return waitingIn(this.#requester, this.#queues);
  }

  /** The largest reply that the broker takes; bytes. */
  get maxReplyBytes(): number {
    return this.#settler.maxReplyBytes;
  }

  /** How many messages have ended without a broker learning how: they will be delivered again. */
  get unheard(): number {
    return this.#settler.unheard;
  }

  /** When the last signal of a message on its way here came, by `clockMs()`; undefined: nothing is on its way. */
  get lastSignalAt(): number | undefined {
    return this.#endpoint.lastSignalAt;
  }

  /** Whether there is a broker, and it is not stopped (Ctrl-Z): a running one will answer. */
  isBrokerRunning(): boolean {
    const broker = inspectBroker(this.dir, this.#table);
    const info = broker.ok ? this.#table.read(broker.pid) : undefined;
    return info !== undefined && !isStopped(info);
  }

  /**
   * The messages, as they come, as many at a time as it has room for; each has to be settled. The loop ends when the consumer
   * is closed, and leaving the loop closes the consumer; the message then in hand fails, unless it was settled.
   * @throws SigmqError has-handler
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message, undefined> {
    if (this.#options.handler) throw consumerErrors.hasHandler();
    return this.#stream.iterator();
  }

  /**
   * The same, several messages at a time: as many as `size`, or as there are when the first of them has waited for
   * `lingerMs`. Each has to be settled; those settled in the same turn of the event loop are settled in one frame.
   * @throws OptionError; SigmqError has-handler
   */
  batches(options: BatchOptions = {}): AsyncIterableIterator<Message[], undefined> {
    const { jobs = 1 } = this.#options;
    checkBatches(options, jobs);
    const { size = jobs, lingerMs = DEFAULT_LINGER_MS } = options;
    return batchesOf(this[Symbol.asyncIterator](), { size, lingerMs });
  }

  /**
   * Takes nothing new, waits until what is in hand is settled, and leaves the registry. May be called more than
   * once; other users of the signals in this process carry on.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#forgetSignal();
    this.#requester.close();
    this.#stream.end();
    this.#handling?.end();
    await this.#registration.end();
    await this.#endpoint.drained();
    this.#deliveries.isOver = true;
    await this.#settler.settled();
    await this.#endpoint.close(this.#receiver);
  }

  get #attrs(): Record<string, string> {
    const { jobs = 1, prefetch = jobs, ackWaitMs } = this.#options;
    const { count, compress = true } = this.#options;
    return {
      ...(this.#queues.join() === DEFAULT_QUEUE ? {} : { queues: this.#queues.join() }),
      ...(this.#weights ? { weights: this.#weights.join() } : {}),
      ...(jobs === 1 ? {} : { jobs: String(jobs) }),
      ...(prefetch <= jobs ? {} : { prefetch: String(prefetch) }),
      ...(count === undefined ? {} : { count: String(count) }),
      ...(count === undefined || this.#nth === 1 ? {} : { nth: String(this.#nth) }),
      accepts: compress ? ACCEPTS : 'batch',
      ...(ackWaitMs === undefined ? {} : { ackwait: String(ackWaitMs) }),
      ...(this.plainBecause === undefined ? {} : { peer: 'plain' }),
    };
  }

  /** To the handler, or to a loop over the messages. */
  #take(message: Message): void {
    (this.#handling ?? this.#stream).take(message);
  }

  #takePlain(body: Uint8Array): void {
    if (!this.#deliveries.isOver) this.#take(plainMessage(body));
  }

  readonly #report = (error: unknown): void => tell(this.#options.onError, error);
}
