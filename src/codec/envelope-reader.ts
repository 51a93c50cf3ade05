import { CobsReader } from './cobs.ts';
import { concat } from './concat.ts';
import { headOf, splitFields } from './envelope.ts';
import type { MessageFields } from './fields.ts';
import { HEADER_BYTES } from './limits.ts';

/** Fields that are longer are not waited for: what is worth it has few. */
const MAX_BEFORE_BYTES = 256;
const NOTHING = new Uint8Array();

/**
 * Reads the envelope of messages while it comes. Nothing of it is certain: it may be damaged, and only `decodeFrame` sees
 * that, when it is whole.
 */
export class EnvelopeReader {
  /** Undefined: they are not complete. */
  fields: MessageFields | undefined;
  /** What has come before the body, until that is known. */
  #before: Uint8Array = NOTHING;
  /** Undefined: the header is not complete. */
  #read: ((bytes: Uint8Array) => Uint8Array | undefined) | undefined;
  #isOther = false;

  /** Takes the next bytes. @returns those of them that belong to the body */
  take(bytes: Uint8Array): Uint8Array {
    if (this.#isOther) return NOTHING;
    return this.#take(bytes) ?? this.#giveUp();
  }

  /** Undefined: it is none, or has no fields. */
  #take(bytes: Uint8Array): Uint8Array | undefined {
    const read = this.#read;
    if (!read) return this.#takeHeader(bytes);
    const payload = read(bytes);
    if (!payload || this.fields) return payload;
    this.#before = concat([this.#before, payload]);
    const split = splitFields(this.#before);
    if (split === 'unsupported') return undefined;
    // A number that has begun reads as none: the next bytes tell.
    if (!split) return this.#before.length < MAX_BEFORE_BYTES ? NOTHING : undefined;
    this.fields = split.fields;
    return split.body;
  }

  #takeHeader(bytes: Uint8Array): Uint8Array | undefined {
    const before = concat([this.#before, bytes]);
    this.#before = before;
    if (before.length < HEADER_BYTES) return NOTHING;
    const head = headOf(before);
    if (!head?.hasFields || head.control) return undefined;
    const cobs = new CobsReader();
    this.#read = head.stuffed ? (some) => cobs.take(some) : (some) => some;
    this.#before = NOTHING;
    return this.#take(before.subarray(HEADER_BYTES));
  }

  #giveUp(): Uint8Array {
    this.#isOther = true;
    return NOTHING;
  }
}
