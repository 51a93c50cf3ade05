/** Many messages in one frame (protocol 6, *Batches*). */

import { concat } from './concat.ts';
import { decodeFields, encodeFields, type MessageFields } from './fields.ts';
import { encodeLeb128, readLeb128 } from './leb128.ts';

/** Messages in one frame. Twice as many need 2 % fewer bits each, and take the bus for twice as long. */
export const MAX_BATCH_MESSAGES = 256;

/** One message of a batch. */
export interface Entry {
  /** Its own fields; what it does not say is as the frame says. */
  readonly fields: MessageFields;
  readonly body: Uint8Array;
}

/** The bytes of the entries, one after the other. @throws CodecError for fields that cannot be encoded */
export function encodeBatch(entries: readonly Entry[]): Uint8Array {
  return concat(entries.flatMap(encodeEntry));
}

function encodeEntry({ fields, body }: Entry): Uint8Array[] {
  const own = encodeFields(fields);
  if (own.length === 0) return [encodeLeb128(body.length * 2), body];
  return [encodeLeb128(body.length * 2 + 1), encodeLeb128(own.length), own, body];
}

/**
 * The entries of a batch of `count`; undefined when malformed, 'unsupported' when one has an unknown critical field.
 * Bodies are views into `bytes`.
 */
export function decodeBatch(bytes: Uint8Array, count: number): Entry[] | 'unsupported' | undefined {
  if (count < 1 || count > MAX_BATCH_MESSAGES) return undefined;
  const entries: Entry[] = [];
  let at = 0;
  while (entries.length < count) {
    const head = readLeb128(bytes, at);
    if (head === undefined) return undefined;
    let fields: MessageFields | 'unsupported' | undefined = {};
    at = head.next;
    if (head.value % 2 === 1) {
      const length = readLeb128(bytes, at);
      if (length === undefined || length.value > bytes.length - length.next) return undefined;
      at = length.next + length.value;
      fields = decodeFields(bytes.subarray(length.next, at));
      if (fields === undefined || fields === 'unsupported') return fields;
    }
    const size = Math.floor(head.value / 2);
    if (size > bytes.length - at) return undefined;
    entries.push({ fields, body: bytes.subarray(at, at + size) });
    at += size;
  }
  return at === bytes.length ? entries : undefined;
}
