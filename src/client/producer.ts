import { assertDeliverable } from '../codec/fields.ts';
import { BatchSize } from '../link/batch-size.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { linkErrors } from '../link/errors.ts';
import { optionErrors } from '../options/errors.ts';
import * as kinds from '../options/kinds.ts';
import { inspectBroker } from '../registry/broker-file.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { processTable } from '../registry/process-table.ts';
import { Asking, type AskReply } from './asking.ts';
import { openClientEndpoint } from './client-endpoint.ts';
import { Deadline } from './deadline.ts';
import { producerErrors } from './errors.ts';
import { directoryWithBroker } from './find-broker.ts';
import { GroupSender } from './group-sender.ts';
import { groupsOf } from './groups.ts';
import { lookingAhead } from './looking-ahead.ts';
import { checkAsk, checkProducer, checkSend, type ProducerOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { type AskOptions, fieldsOf, type SendOptions } from './send-options.ts';
import { stoppedBroker } from './stopped-broker.ts';

/**
 * Sends messages to the broker of one runtime directory. Once its promise has resolved, a message is accepted, and
 * durable by the broker's policy (a plain broker never says so: all one knows is that it was sent).
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
  readonly #size = new BatchSize();
  readonly #outbox: Outbox;
  readonly #asking: Asking;
  #closed: Promise<void> | undefined;

  /**
   * @throws OptionError; SigmqError if the runtime directory is missing or unsafe, or no broker runs there; the
   * reason of `signal`
   */
  static async open(options: ProducerOptions = {}): Promise<Producer> {
    checkProducer(options);
    const table = processTable();
    const dir = await directoryWithBroker(options, table);
    return new Producer(dir, options, table);
  }

  private constructor(
    dir: string,
    { wait = false, compress = true }: ProducerOptions,
    table: ProcessTable,
  ) {
    this.#dir = dir;
    this.#table = table;
    const endpoint = openClientEndpoint(dir, table);
    this.#endpoint = endpoint;
    const size = this.#size;
    const sender = new GroupSender({ dir, table, endpoint, wait, size, isPlainText: !compress });
    this.#outbox = new Outbox(sender, size);
    this.#asking = new Asking({ dir, table, endpoint, wait });
  }

  /** The largest message that the current broker accepts, bytes; undefined: it does not say. */
  get maxMessageBytes(): number | undefined {
    const found = inspectBroker(this.#dir, this.#table);
    return found.ok ? found.maxMessageBytes : undefined;
  }

  /** Why messages are sent without confirmation; undefined with the addon. */
  get plainBecause(): string | undefined {
    return this.#endpoint.plainBecause;
  }

  /**
   * Sends one message and waits until it is accepted. Those that are sent without waiting for the one before go
   * together.
   * @throws SigmqError
   */
  async send(body: string | Uint8Array, options: SendOptions = {}): Promise<void> {
    kinds.body.check(body);
    await this.sendAll([body], options);
  }

  /**
   * Sends many messages, in order, several in one frame, of which all are accepted or none. `onConfirmed` is called
   * after each frame with the number of messages that it added.
   * @throws SigmqError; what was not confirmed by then may or may not have arrived
   */
  async sendAll(
    bodies: Iterable<string | Uint8Array>,
    options: SendOptions & { onConfirmed?: (count: number) => void } = {},
  ): Promise<void> {
    checkSend(options);
    kinds.bodies.check(bodies);
    if (options.key !== undefined && !isOne(bodies)) throw optionErrors.keyOfMany();
    const fields = fieldsOf(options);
    assertDeliverable(fields);
    if (this.#closed) throw linkErrors.closed();
    const deadline = new Deadline(options.timeoutMs, options.signal, (ms) =>
      producerErrors.timeout(ms, this.#stoppedBroker),
    );
    try {
      const messagesOf = (group: Uint8Array[]) => group.map((body) => ({ fields, body }));
      for (const { item, following } of lookingAhead(groupsOf(bodies, this.#size))) {
        const next = () => messagesOf(following() ?? []);
        const how = { ...options, following: next };
        await this.#outbox.send(messagesOf(item), how, deadline.signal);
        options.onConfirmed?.(item.length);
      }
    } finally {
      deadline.clear();
    }
  }

  /**
   * Sends one message and waits for the reply of whoever handles it: an answer of `sigmq consume --reply`, or of
   * `message.reply()`. The message is stored as any other, and so is the reply until it is here: both survive a
   * restart of the broker.
   * @throws SigmqError `timeout`; `dead-letter`; `no-reply`: it was handled without one; `ask-lost`; `broker-gone`; what
   * `send` throws; the reason of `signal`
   */
  async ask(body: string | Uint8Array, options: AskOptions = {}): Promise<AskReply> {
    kinds.body.check(body);
    checkAsk(options);
    const { queue, priority, headers, timeoutMs, ttlMs = timeoutMs } = options;
    const fields = fieldsOf({ queue, priority, headers, ttlMs });
    assertDeliverable(fields);
    if (this.#closed) throw linkErrors.closed();
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    if (bytes.length === 0) throw producerErrors.empty();
    const deadline = new Deadline(timeoutMs, options.signal, (ms) =>
      producerErrors.noReplyBy(ms, this.#stoppedBroker),
    );
    const { signal } = deadline;
    const { onProgress } = options;
    const send = (ask: number) =>
      this.#outbox.send(
        [{ fields: { ...fields, ask }, body: bytes }],
        { timeoutMs, onProgress },
        signal,
      );
    try {
      return await this.#asking.ask(send, options, signal);
    } finally {
      deadline.clear();
    }
  }

  get #stoppedBroker(): number | undefined {
    return stoppedBroker(this.#dir, this.#table);
  }

  /** May be called more than once; other users of the signals in this process carry on. */
  close(): Promise<void> {
    this.#asking.close();
    this.#closed ??= this.#endpoint.close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function isOne(bodies: Iterable<unknown>): boolean {
  return Array.isArray(bodies) && bodies.length === 1;
}
