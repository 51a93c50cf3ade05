import type { DecodedFrame, Envelope } from '../codec/envelope.ts';
import { assertDeliverable, DEFAULT_QUEUE } from '../codec/fields.ts';
import { Reason } from '../codec/reason.ts';
import { textOf } from '../codec/utf8.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import { MAX_DURATION_MS } from '../options/durations.ts';
import { isQueueName } from '../options/kinds.ts';
import { StoreFull } from '../queue/errors.ts';
import type { NewMessage, Store } from '../queue/store.ts';
import { Serial } from '../serial.ts';
import type { Peer } from './peer.ts';
import { numberOf, type ProducerState, Producers } from './producers.ts';

/** Messages accepted provisionally from one producer. They wait in memory until they are committed together. */
const MAX_BATCH = 64;
/** The same in bytes; a larger batch is refused as `full`, and the producer sends smaller ones. */
const MAX_BATCH_BYTES = 4 << 20;

export interface IntakeOptions {
  readonly store: Pick<Store, 'publish' | 'lastNumber'>;
  readonly bootId: string;
  /** Bytes of a message's body. */
  readonly maxMessageBytes: number;
}

/** What became of a frame that is, or was meant to be, a message. */
export interface Judged {
  /** The answer. */
  readonly verdict: Verdict;
  /** These were stored: the message, and those before it in its group. */
  readonly published?: readonly NewMessage[];
  /** How many messages were refused. */
  readonly refused?: number;
  /** Why they could not be stored. */
  readonly error?: unknown;
}

const ACCEPTED: Judged = { verdict: 0 };

/** Judges the messages of producers, and stores them. */
export class Intake {
  /** Refuse everything new: the broker is shutting down. */
  closing = false;
  /** Refuse new messages; those that are here are still delivered. */
  draining = false;
  readonly #options: IntakeOptions;
  readonly #producers: Producers;
  /** The only producer with a batch: there is one hold of the bus at a time. */
  #batching: ProducerState | undefined;
  /** One message at a time: whether the previous one could be stored decides what is a repeat. */
  readonly #turns = new Serial();

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#producers = new Producers(options.bootId);
  }

  /** What an echo peer has sent, other than control frames. */
  judge(peer: Peer, decoded: DecodedFrame): Judged | Promise<Judged> {
    switch (decoded.kind) {
      case 'unsupported':
        return { verdict: Reason.Unsupported };
      case 'damaged':
        return { verdict: Reason.Damaged };
      case 'plain':
        // Without a checksum, only what cannot be a damaged envelope is taken for a message.
        if (!isPrintableText(decoded.body)) return { verdict: Reason.Damaged };
        return this.takePlain(decoded.body);
      case 'envelope':
        // A store may take longer than a peer waits; the peer then sends again what is about to be stored.
        return this.#turns.add(() => this.#take(peer, decoded.envelope));
    }
  }

  /** A message without an envelope, from a plain peer: nobody is waiting for an answer. */
  takePlain(body: Uint8Array): Judged | Promise<Judged> {
    if (body.length > this.#options.maxMessageBytes) return { verdict: Reason.TooLarge };
    return this.#turns.add(() => this.#publish([this.#message(body)]));
  }

  /** Resolves when everything accepted so far is stored or refused. */
  idle(): Promise<void> {
    return this.#turns.ended;
  }

  /** Ids of the messages that a producer sent last; empty: not known. */
  lastIds(peer: Peer): readonly number[] {
    return this.#producers.get(this.#producers.name(peer))?.lastIds ?? [];
  }

  async #take(peer: Peer, envelope: Envelope): Promise<Judged> {
    const name = this.#producers.name(peer);
    const state =
      this.#producers.get(name) ??
      this.#producers.add(name, await this.#options.store.lastNumber(name));
    if (this.#batching && this.#batching !== state) this.#abandon(this.#batching);
    const number = numberOf(envelope, state.next);
    const judged =
      number === undefined
        ? { verdict: Reason.Unknown }
        : await this.#judgeNumbered(envelope, number, state);
    if (number === undefined || judged.verdict !== 0) this.#abandon(state);
    else state.next = number + 1;
    return judged;
  }

  async #judgeNumbered(envelope: Envelope, number: number, state: ProducerState): Promise<Judged> {
    const { body, fields, more } = envelope;
    if (state.last === undefined || number > state.last) {
      const verdict = this.#objection(envelope, state);
      if (verdict !== 0) return { verdict, refused: state.batch.length + 1 };
      if (state.batch.length === 0) state.beforeBatch = state.last;
      const producer = { process: state.process, number };
      this.#batching = state;
      state.batch.push({ ...this.#message(body.slice(), fields), producer });
      state.batchBytes += body.length;
      state.last = number;
    }
    return more ? ACCEPTED : this.#commit(state);
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

  /** Stores what a producer has sent since its last confirmed frame, all of it or nothing. */
  async #commit(state: ProducerState): Promise<Judged> {
    const { batch } = state;
    if (batch.length === 0) return ACCEPTED;
    const judged = await this.#publish(batch, state);
    if (judged.verdict !== 0) return { ...judged, refused: batch.length };
    this.#clear(state);
    return judged;
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

  async #publish(batch: readonly NewMessage[], producer?: ProducerState): Promise<Judged> {
    if (this.closing || this.draining) return { verdict: Reason.Closing };
    try {
      const ids = await this.#options.store.publish(batch);
      if (producer) producer.lastIds = ids;
      return { verdict: 0, published: batch };
    } catch (error) {
      return { verdict: error instanceof StoreFull ? Reason.Full : Reason.Store, error };
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

function isPrintableText(body: Uint8Array): boolean {
  const text = textOf(body);
  return text !== undefined && !/\p{Cc}/u.test(text);
}
