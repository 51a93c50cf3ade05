import { type Entry, MAX_BATCH_MESSAGES } from '../codec/batch.ts';
import type { DecodedFrame, Envelope } from '../codec/envelope.ts';
import { assertDeliverable, DEFAULT_QUEUE } from '../codec/fields.ts';
import { Reason } from '../codec/reason.ts';
import { textOf } from '../codec/utf8.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import { messagesOf } from '../link/messages.ts';
import type { Unpacker } from '../link/model.ts';
import { MAX_DURATION_MS } from '../options/durations.ts';
import { isKey } from '../options/kinds.ts';
import { isQueueName } from '../options/queue-name.ts';
import { MAX_ATTEMPTS } from '../options/values.ts';
import { StoreFull, StoreUnknown } from '../queue/errors.ts';
import type { NewMessage, Published } from '../queue/message.ts';
import type { Store } from '../queue/store.ts';
import { Recent } from '../recent.ts';
import { Serial } from '../serial.ts';
import { askerOf } from './askers.ts';
import type { Peer } from './peer.ts';
import { numberOf, type ProducerState, Producers } from './producers.ts';

export interface IntakeOptions {
  readonly store: Pick<Store, 'publish' | 'lastNumber'>;
  readonly bootId: string;
  /** Bytes of a message's body. */
  readonly maxMessageBytes: number;
  /** Where those who ask are. */
  readonly place: string;
}

/** What became of a frame that is, or was meant to be, a message. */
export interface Judged {
  /** The answer; undefined: none, because nobody knows whether it is stored. */
  readonly verdict: Verdict | undefined;
  /** These were stored. */
  readonly published?: readonly NewMessage[];
  /** It came before: nothing was stored. */
  readonly isRepeat?: boolean;
  /** How many messages were refused. */
  readonly refused?: number;
  /** Why they could not be stored. */
  readonly error?: unknown;
}

/** Without asking the store, so that the answer is known. */
type JudgedAtOnce = Judged & { readonly verdict: Verdict };

/** Producers whose last frame is in doubt; of the oldest ones it is forgotten. */
const MAX_DOUBTED = 4096;
const REPEAT: JudgedAtOnce = { verdict: 0, isRepeat: true };

/** Judges the messages of producers, and stores them. */
export class Intake {
  /** Refuse everything new: the broker is shutting down. */
  closing = false;
  /** Refuse new messages; those that are here are still delivered. */
  draining = false;
  readonly #options: IntakeOptions;
  readonly #producers: Producers;
  /** Those of whose last frame nobody knows whether it is stored: their names. */
  readonly #doubted = new Recent<string, true>(MAX_DOUBTED);
  /** One message at a time: whether the previous one could be stored decides what is a repeat. */
  readonly #turns = new Serial();

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#producers = new Producers(options.bootId);
  }

  /** What an echo peer has sent, other than control frames. */
  judge(peer: Peer, decoded: DecodedFrame): JudgedAtOnce | Promise<Judged> {
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
  takePlain(body: Uint8Array): JudgedAtOnce | Promise<Judged> {
    if (body.length > this.#options.maxMessageBytes) return { verdict: Reason.TooLarge };
    return this.#turns.add(() => this.#publish([this.#message(body)]));
  }

  /** Resolves when everything accepted so far is stored or refused. */
  idle(): Promise<void> {
    return this.#turns.ended;
  }

  /** What became of the messages that a producer sent last; empty: not known. */
  lastSent(peer: Peer): readonly Published[] {
    return this.#producers.get(this.#producers.name(peer))?.lastSent ?? [];
  }

  /** What was learned from its messages; undefined: nothing yet. */
  unpackerFor(peer: Peer): Unpacker | undefined {
    return this.#producers.get(this.#producers.name(peer))?.unpacker;
  }

  /** The store may not be what it was: it is asked again who has sent what. */
  forget(): void {
    this.#producers.forget();
  }

  async #take(peer: Peer, envelope: Envelope): Promise<Judged> {
    const name = this.#producers.name(peer);
    let state = this.#producers.get(name);
    if (!state) {
      try {
        state = this.#producers.add(name, await this.#options.store.lastNumber(name));
      } catch (error) {
        // What may be stored is not refused.
        return { verdict: this.#doubted.get(name) ? undefined : Reason.Store, error };
      }
      this.#doubted.delete(name);
    }
    const number = numberOf(envelope, state.next);
    // The next frame says its number in full, unless this one is accepted.
    state.next = undefined;
    if (number === undefined) return { verdict: Reason.Unknown };
    const isRepeat = state.last !== undefined && number <= state.last;
    // What it was packed with may be something else than what we have learned.
    if (isRepeat) state.unpacker.reset();
    const judged = isRepeat ? REPEAT : await this.#store(peer, envelope, number, state);
    if (judged.verdict === 0) state.next = number + 1;
    return judged;
  }

  /** All messages of a frame, or none. */
  async #store(
    peer: Peer,
    envelope: Envelope,
    number: number,
    state: ProducerState,
  ): Promise<Judged> {
    const entries = messagesOf(envelope, this.#options.maxMessageBytes, state.unpacker);
    const verdict = Array.isArray(entries) ? this.#objection(entries) : entries;
    if (verdict !== 0 || !Array.isArray(entries)) {
      return { verdict, refused: messagesIn(envelope) };
    }
    const producer = { process: state.process, number };
    const batch = entries.map(({ body, fields }) => {
      const { ask } = fields;
      const asks = ask === undefined ? {} : { asker: askerOf(peer, ask, this.#options.place) };
      return { ...this.#message(body.slice(), fields), ...asks, producer };
    });
    const judged = await this.#publish(batch, state);
    if (judged.verdict === undefined) this.#doubt(state.process);
    if (judged.verdict !== 0) return { ...judged, refused: batch.length };
    state.last = number;
    return judged;
  }

  #doubt(process: string): void {
    this.#producers.delete(process);
    this.#doubted.set(process, true);
  }

  #objection(entries: readonly Entry[]): Verdict {
    if (this.closing || this.draining) return Reason.Closing;
    for (const entry of entries) {
      const verdict = this.#objectionTo(entry);
      if (verdict !== 0) return verdict;
    }
    return 0;
  }

  #objectionTo({ body, fields }: Entry): Verdict {
    if (body.length > this.#options.maxMessageBytes) return Reason.TooLarge;
    if (!isQueueName(fields.queue ?? DEFAULT_QUEUE)) return Reason.Unsupported;
    if (fields.headers && !isDeliverable(fields)) return Reason.TooLarge;
    const { delayMs = 0, ttlMs = MAX_DURATION_MS, key, keyTtlMs = 0 } = fields;
    if (delayMs >= ttlMs || ttlMs > MAX_DURATION_MS) return Reason.Unsupported;
    const { maxAttempts = 1, backoffMs = 0, deadTo } = fields;
    if (maxAttempts < 1 || maxAttempts > MAX_ATTEMPTS) return Reason.Unsupported;
    if (backoffMs > MAX_DURATION_MS) return Reason.Unsupported;
    if (
      deadTo !== undefined &&
      (!isQueueName(deadTo) || deadTo === (fields.queue ?? DEFAULT_QUEUE))
    )
      return Reason.Unsupported;
    if (keyTtlMs > MAX_DURATION_MS || (key !== undefined && !isKey(key))) return Reason.Unsupported;
    return 0;
  }

  async #publish(batch: readonly NewMessage[], producer?: ProducerState): Promise<Judged> {
    if (this.closing || this.draining) return { verdict: Reason.Closing };
    try {
      const became = await this.#options.store.publish(batch);
      if (producer) producer.lastSent = became;
      return { verdict: 0, published: batch.filter((_, n) => !became[n]?.isDuplicate) };
    } catch (error) {
      if (error instanceof StoreUnknown) return { verdict: undefined, error };
      return { verdict: error instanceof StoreFull ? Reason.Full : Reason.Store, error };
    }
  }

  #message(body: Uint8Array, fields: Envelope['fields'] = {}): NewMessage {
    const { queue = DEFAULT_QUEUE, priority = 0, delayMs, ttlMs, headers, key, keyTtlMs } = fields;
    const { maxAttempts, backoffMs, deadTo } = fields;
    return {
      queue,
      body,
      priority,
      ...(delayMs === undefined ? {} : { delayMs }),
      ...(ttlMs === undefined ? {} : { ttlMs }),
      ...(headers === undefined ? {} : { headers }),
      ...(key === undefined ? {} : { key }),
      ...(keyTtlMs === undefined ? {} : { keyTtlMs }),
      ...(maxAttempts === undefined ? {} : { maxAttempts }),
      ...(backoffMs === undefined ? {} : { backoffMs }),
      ...(deadTo === undefined ? {} : { deadTo }),
    };
  }
}

/** As many as it can be, of those that it speaks of. */
function messagesIn({ fields: { count = 1 } }: Envelope): number {
  return Math.min(Math.max(count, 1), MAX_BATCH_MESSAGES);
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
