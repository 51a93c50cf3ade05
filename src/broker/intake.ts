import { decodeFrame, type Envelope } from '../codec/envelope.ts';
import { assertDeliverable, DEFAULT_QUEUE } from '../codec/fields.ts';
import { Reason } from '../codec/reason.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { Sender } from '../link/inbound.ts';
import { type Note, requestOf } from '../link/request.ts';
import { type Settle, settlementOf } from '../link/settlement.ts';
import { MAX_DURATION_MS } from '../options/durations.ts';
import { isQueueName } from '../options/kinds.ts';
import { StoreFull } from '../queue/errors.ts';
import type { NewMessage, Store } from '../queue/store.ts';
import { numberOf, type ProducerState, Producers } from './producers.ts';

/** Messages accepted provisionally from one producer. Together they wait in memory for their commit. */
const MAX_BATCH = 64;
/** Bytes of the same; a larger batch is refused as `full`, and the producer sends in smaller ones. */
const MAX_BATCH_BYTES = 4 << 20;

export interface IntakeOptions {
  readonly store: Store;
  readonly bootId: string;
  /** Bytes of a message's body. */
  readonly maxMessageBytes: number;
  /** Takes a consumer's settlement. */
  settle(sender: Sender, settle: Settle): Promise<Verdict>;
  /** Takes a request; its reply comes later. */
  request(sender: Sender, request: Note): Verdict;
  /** These were stored. */
  onPublished(batch: readonly NewMessage[]): void;
  /** So many messages were refused. */
  onRefused(reason: Reason, messages: number): void;
  onStoreError(error: unknown): void;
}

/** Judges what arrives at the broker: messages of producers, settlements of consumers. */
export class Intake {
  /** Refuse everything new: the broker is shutting down. */
  closing = false;
  /** Refuse new messages; those that are here still go out. */
  draining = false;
  readonly #options: IntakeOptions;
  readonly #producers: Producers;
  /** The only one with a batch: one hold of the bus at a time. */
  #batching: ProducerState | undefined;
  /** One message after the other: whether the one before could be stored decides what is a repeat. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#producers = new Producers(options.bootId);
  }

  /** A frame from an echo peer. The verdict is its answer. */
  judge(sender: Sender, frame: Uint8Array): Verdict | Promise<Verdict> {
    const decoded = decodeFrame(frame);
    if (decoded.kind === 'unsupported') return Reason.Unsupported;
    if (decoded.kind === 'plain') {
      // Without a checksum only what no damaged envelope can look like is taken for a message.
      if (!isPrintableText(decoded.body)) return Reason.Damaged;
      if (decoded.body.length > this.#options.maxMessageBytes) return Reason.TooLarge;
      return this.#publish([this.#message(decoded.body)]);
    }
    if (decoded.kind === 'damaged') return Reason.Damaged;
    const { envelope } = decoded;
    if (envelope.control) {
      const settle = settlementOf(envelope);
      if (settle) return this.#options.settle(sender, settle);
      const request = requestOf(envelope);
      return request ? this.#options.request(sender, request) : Reason.Unsupported;
    }
    return this.#onMessage(sender, envelope);
  }

  /** Of the messages that a producer sent last; empty: not known. */
  lastIds(sender: Sender): readonly number[] {
    return this.#producers.get(this.#producers.name(sender))?.lastIds ?? [];
  }

  /** A message of a plain peer: nobody waits for an answer. */
  async takePlain(body: Uint8Array): Promise<void> {
    if (body.length > this.#options.maxMessageBytes) {
      this.#options.onStoreError(new Error(`a plain message of ${body.length} bytes is too large`));
      return;
    }
    await this.#publish([this.#message(body)]);
  }

  /** A store may take longer than a sender waits; it then sends again what is about to be stored. */
  #onMessage(sender: Sender, envelope: Envelope): Promise<Verdict> {
    const mine = this.#turn.then(() => this.#take(sender, envelope));
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async #take(sender: Sender, envelope: Envelope): Promise<Verdict> {
    const name = this.#producers.name(sender);
    const state =
      this.#producers.get(name) ??
      this.#producers.add(name, await this.#options.store.lastNumber(name));
    if (this.#batching && this.#batching !== state) this.#abandon(this.#batching);
    const number = numberOf(envelope, state.next);
    const verdict =
      number === undefined ? Reason.Unknown : await this.#judgeNumbered(envelope, number, state);
    if (number === undefined || verdict !== 0) this.#abandon(state);
    else state.next = number + 1;
    return verdict;
  }

  async #judgeNumbered(envelope: Envelope, number: number, state: ProducerState): Promise<Verdict> {
    const { body, fields, more } = envelope;
    if (state.last === undefined || number > state.last) {
      const objection = this.#objection(envelope, state);
      if (objection !== 0) {
        this.#options.onRefused(objection, state.batch.length + 1);
        return objection;
      }
      if (state.batch.length === 0) state.beforeBatch = state.last;
      const producer = { process: state.process, number };
      this.#batching = state;
      state.batch.push({ ...this.#message(body.slice(), fields), producer });
      state.batchBytes += body.length;
      state.last = number;
    }
    return more ? 0 : this.#commit(state);
  }

  #objection({ body, fields }: Envelope, { batch, batchBytes }: ProducerState): Verdict {
    if (this.closing || this.draining) return Reason.Closing;
    if (body.length > this.#options.maxMessageBytes) return Reason.TooLarge;
    if (!isQueueName(fields.queue ?? DEFAULT_QUEUE)) return Reason.Unsupported;
    if (fields.headers && !isDeliverable(fields)) return Reason.TooLarge;
    const { delayMs = 0, ttlMs = MAX_DURATION_MS } = fields;
    if (delayMs >= ttlMs || ttlMs > MAX_DURATION_MS) return Reason.Unsupported;
    return batch.length >= MAX_BATCH || batchBytes > MAX_BATCH_BYTES ? Reason.Full : 0;
  }

  /** Stores what a producer has sent since its last confirmed frame: all of it, or nothing. */
  async #commit(state: ProducerState): Promise<Verdict> {
    if (state.batch.length === 0) return 0;
    const verdict = await this.#publish(state.batch, (ids) => {
      state.lastIds = ids;
    });
    if (verdict === 0) this.#clear(state);
    else this.#options.onRefused(verdict, state.batch.length);
    return verdict;
  }

  /** Nobody was told that these are stored: the producer sends them again, or has given up. */
  #abandon(state: ProducerState): void {
    state.next = undefined;
    if (state.batch.length > 0) state.last = state.beforeBatch;
    this.#clear(state);
  }

  #clear(state: ProducerState): void {
    state.batch = [];
    state.batchBytes = 0;
    this.#batching = undefined;
  }

  async #publish(
    batch: readonly NewMessage[],
    onIds: (ids: readonly number[]) => void = () => {},
  ): Promise<Verdict> {
    if (this.closing || this.draining) return Reason.Closing;
    try {
      const ids = await this.#options.store.publish(batch);
      onIds(ids);
      this.#options.onPublished(batch);
      return 0;
    } catch (error) {
      this.#options.onStoreError(error);
      return error instanceof StoreFull ? Reason.Full : Reason.Store;
    }
  }

  #message(body: Uint8Array, fields: Envelope['fields'] = {}): NewMessage {
    const { queue = DEFAULT_QUEUE, priority = 0, delayMs, ttlMs, headers } = fields;
    return {
      queue,
      body,
      priority,
      ...(delayMs === undefined ? {} : { delayMs }),
      ...(ttlMs === undefined ? {} : { ttlMs }),
      ...(headers === undefined ? {} : { headers }),
    };
  }
}

function isDeliverable(fields: Envelope['fields']): boolean {
  try {
    assertDeliverable(fields);
    return true;
  } catch {
    return false;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function isPrintableText(body: Uint8Array): boolean {
  try {
    return !/\p{Cc}/u.test(utf8.decode(body));
  } catch {
    return false;
  }
}
