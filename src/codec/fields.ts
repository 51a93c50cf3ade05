/** What a message carries besides its body (protocol 6): a tag byte, a LEB128 length, the value. */

import { codecErrors } from './codec-error.ts';
import { concat } from './concat.ts';
import { encodeLeb128, readLeb128 } from './leb128.ts';
import { MAX_FIELDS, MAX_FIELDS_BYTES } from './limits.ts';
import { textOf } from './utf8.ts';

/** The queue of a message that names none; this name is not sent. */
export const DEFAULT_QUEUE = 'default';

/** Numbers are integers from 0 to Number.MAX_SAFE_INTEGER. An absent field is not sent and costs nothing. */
export interface MessageFields {
  /** Absent: {@link DEFAULT_QUEUE}. */
  queue?: string;
  /** Absent: 0. */
  priority?: number;
  delayMs?: number;
  ttlMs?: number;
  /** While a message of the queue with this key is not done, another one is not stored. */
  key?: string;
  /** How long after it is done that still holds; absent: no longer. */
  keyTtlMs?: number;
  /** Attempts before it is dead; absent: the broker decides, as for the next two. */
  maxAttempts?: number;
  /** Pause after its first failed attempt. */
  backoffMs?: number;
  /** The queue to which it goes when it is dead. */
  deadTo?: string;
  /** Why a settlement does not say that the message is done. */
  reason?: string;
  /** The id of the message that a settlement names. */
  ref?: number;
  /** Number of a request; its reply names it in `ref`. */
  request?: number;
  /** Number of the frame among all message frames of this sender, from 0; absent: see docs/protocol.md, *Sequence*. */
  number?: number;
  /** Messages in the body; absent: the body is the message. See batch.ts. */
  count?: number;
  /** For a body that was packed by a model: how; see docs/protocol.md, *Packing*. */
  packed?: number;
  /** Of a message: its sender waits for a reply, under this number of its own. */
  ask?: number;
  /** Of what becomes of such a message: the number under which it was asked. */
  answer?: number;
  /** For a reply that comes in parts (protocol 8): bytes before this part; bytes of all parts. */
  offset?: number;
  total?: number;
  /** For a body, or a reply, that was packed: its size in bytes once it is unpacked. */
  unpacked?: number;
  /** The id of a message that is delivered. */
  id?: number;
  /** Which attempt a delivery is; absent: 1. */
  attempt?: number;
  /**
   * How often the message has been handed out, including this time; absent: as many as attempts; in a settlement:
   * 1.
   */
  delivery?: number;
  /** The incarnation in which the delivery was made; absent: see docs/protocol.md, *Names*. */
  incarnation?: number;
  /** How often the message was given back; absent: 0. */
  releases?: number;
  /** Of a delivery: somebody waits for a reply if it is 1; absent: nobody does. */
  asked?: number;
  /** Of a settlement: the exit code with which the work ended; absent: not known. */
  exit?: number;
  /** Name and value, in order, repeats allowed; a name has no NUL. No headers is the same as absent. */
  headers?: readonly (readonly [name: string, value: string])[];
}

/** A receiver that does not know a tag below this one refuses the frame; other unknown tags are skipped. */
const FIRST_OPTIONAL_TAG = 64;

const HEADER = 66;
const TEXTS = [
  [1, 'queue', 'queue name'],
  [10, 'key', 'key'],
  [14, 'deadTo', 'queue name'],
  [70, 'reason', 'reason'],
] as const;
const NUMBERS = [
  [2, 'priority'],
  [3, 'delayMs'],
  [4, 'ttlMs'],
  [5, 'ref'],
  [6, 'request'],
  [7, 'number'],
  [8, 'count'],
  [9, 'packed'],
  [11, 'keyTtlMs'],
  [12, 'maxAttempts'],
  [13, 'backoffMs'],
  [16, 'offset'],
  [17, 'total'],
  [18, 'unpacked'],
  [19, 'ask'],
  [20, 'answer'],
  [64, 'id'],
  [65, 'attempt'],
  [67, 'delivery'],
  [68, 'incarnation'],
  [69, 'releases'],
  [73, 'asked'],
  [74, 'exit'],
] as const;

const numberOfTag = new Map<number, (typeof NUMBERS)[number][1]>(NUMBERS);
const textOfTag = new Map(TEXTS.map(([tag, name]) => [tag as number, name]));

const encoder = new TextEncoder();
// A byte order mark is part of the text; it is not ours to drop.

/**
 * The fields as bytes; no bytes if there are no fields.
 * @throws CodecError for a number out of range, text that UTF-8 cannot carry, or too much of it
 */
export function encodeFields(fields: MessageFields): Uint8Array {
  const parts: Uint8Array[] = [];
  let count = 0;
  const add = (tag: number, value: Uint8Array) => {
    parts.push(Uint8Array.of(tag), encodeLeb128(value.length), value);
    count++;
  };

  for (const [tag, name, what] of TEXTS) {
    const text = fields[name];
    if (text !== undefined) add(tag, encodeText(text, what));
  }
  for (const [tag, name] of NUMBERS) {
    const value = fields[name];
    if (value !== undefined) add(tag, encodeLeb128(value, name));
  }
  for (const [name, value] of fields.headers ?? []) {
    if (name.includes('\0')) throw codecErrors.badText('header name');
    add(HEADER, encodeText(`${name}\0${value}`, 'header'));
  }

  if (count > MAX_FIELDS) throw codecErrors.tooManyFields(count, MAX_FIELDS);
  const bytes = concat(parts);
  if (bytes.length > MAX_FIELDS_BYTES) {
    throw codecErrors.fieldsTooLarge(bytes.length, MAX_FIELDS_BYTES);
  }
  return bytes;
}

/**
 * A delivery carries an id and an attempt besides what the producer gave: a message that leaves no room for them
 * could be stored, but never delivered.
 * @throws CodecError too-many-fields, fields-too-large, bad-text
 */
export function assertDeliverable({
  queue,
  headers,
}: Pick<MessageFields, 'queue' | 'headers'>): void {
  const max = Number.MAX_SAFE_INTEGER;
  const largest = {
    ...{ id: max, attempt: max, delivery: max, incarnation: max, releases: max, asked: 1 },
    ...{ number: max, unpacked: max, packed: max },
  };
  encodeFields({
    ...(queue === undefined ? {} : { queue }),
    ...(headers === undefined ? {} : { headers }),
    ...largest,
  });
}

/** The fields; undefined if malformed, 'unsupported' if an unknown one is critical. */
export function decodeFields(bytes: Uint8Array): MessageFields | 'unsupported' | undefined {
  if (bytes.length > MAX_FIELDS_BYTES) return undefined;
  const fields: MessageFields = {};
  const headers: [string, string][] = [];
  let at = 0;
  for (let count = 0; at < bytes.length; count++) {
    if (count === MAX_FIELDS) return undefined;
    const tag = bytes[at] as number;
    const length = readLeb128(bytes, at + 1);
    if (length === undefined || length.value > bytes.length - length.next) return undefined;
    at = length.next + length.value;
    const value = bytes.subarray(length.next, at);

    const name = numberOfTag.get(tag);
    const textName = textOfTag.get(tag);
    if (name !== undefined) {
      const number = readLeb128(value, 0);
      // The same field twice is malformed: two readers could believe different ones.
      if (number?.next !== value.length || fields[name] !== undefined) return undefined;
      fields[name] = number.value;
    } else if (textName !== undefined) {
      const text = textOf(value);
      if (text === undefined || fields[textName] !== undefined) return undefined;
      fields[textName] = text;
    } else if (tag === HEADER) {
      const header = textOf(value);
      const nul = header?.indexOf('\0') ?? -1;
      if (header === undefined || nul === -1) return undefined;
      headers.push([header.slice(0, nul), header.slice(nul + 1)]);
    } else if (tag < FIRST_OPTIONAL_TAG) {
      return 'unsupported';
    }
  }
  if (headers.length > 0) fields.headers = headers;
  return fields;
}

function encodeText(text: string, what: string): Uint8Array {
  // An unpaired surrogate would silently arrive as U+FFFD.
  if (!text.isWellFormed()) throw codecErrors.badText(what);
  return encoder.encode(text);
}
