/** The frame between echo peers (protocol 6): flags, sequence number, checksum, payload. */

import { cobsDecode, cobsEncode } from './cobs.ts';
import { codecErrors } from './codec-error.ts';
import { concat } from './concat.ts';
import { crc32 } from './crc32.ts';
import { decodeFields, encodeFields, type MessageFields } from './fields.ts';
import { encodeLeb128, readLeb128 } from './leb128.ts';
import { HEADER_BYTES } from './limits.ts';

export interface Envelope {
  /** Sequence number of the frame, 0 to 127, see {@link seqOf}; a repeat has the number of the first try. */
  seq: number;
  /** Any bytes, including zeros. */
  body: Uint8Array;
  /** A settlement or request, not a message. */
  control: boolean;
  fields: MessageFields;
}

export type DecodedFrame =
  /** Not an envelope: the body of a plain peer. From an echo peer it can only be a damaged envelope. */
  | { kind: 'plain'; body: Uint8Array }
  | { kind: 'envelope'; envelope: Envelope }
  /** The checksum or the format is wrong. */
  | { kind: 'damaged' }
  /** Arrived intact, but contains something that this version does not know. */
  | { kind: 'unsupported' };

/** A UTF-8 continuation byte: no text starts with one. */
const MARK = 0b1000_0000;
const MARK_MASK = 0b1100_0000;
const VERSION_MASK = 0b0011_0000;
/** A flag that has no meaning yet. */
const RESERVED_FLAG = 4;

const Flag = { Stuffed: 1, Fields: 2, Control: 8 } as const;

const MAX_SEQ = 127;

/** Set in every header byte but the first, so that none is zero. */
const GUARD = 0x80;

/** At seven bits per byte a checksum takes five bytes; the last one has three bits to spare, which are zero. */
const CRC_OFFSET = 2;
const CRC_LAST_MAX = GUARD | 0x0f;

/**
 * The envelope as zero-free bytes, without the terminating NUL: see SignalCodec.encode.
 * @throws CodecError if `seq` is out of range, or a field cannot be encoded
 */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const { seq, body, control } = envelope;
  if (!Number.isInteger(seq) || seq < 0 || seq > MAX_SEQ) {
    throw codecErrors.notAnInteger('sequence number', seq, MAX_SEQ);
  }
  const fields = encodeFields(envelope.fields);
  const hasFields = fields.length > 0;
  const payload = hasFields ? concat([encodeLeb128(fields.length), fields, body]) : body;
  const stuffed = payload.includes(0);

  const header = new Uint8Array(HEADER_BYTES);
  header[0] =
    MARK |
    (stuffed ? Flag.Stuffed : 0) |
    (hasFields ? Flag.Fields : 0) |
    (control ? Flag.Control : 0);
  header[1] = GUARD | seq;
  const crc = checksum(header, payload);
  for (let i = CRC_OFFSET; i < HEADER_BYTES; i++) {
    header[i] = GUARD | ((crc >>> ((i - CRC_OFFSET) * 7)) & 0x7f);
  }
  return concat([header, stuffed ? cobsEncode(payload) : payload]);
}

/**
 * The sequence number of a frame before which its sender has sent `number` others: 0 is for the first one only,
 * then they cycle from 1 to 127.
 */
export function seqOf(number: number): number {
  return number === 0 ? 0 : 1 + ((number - 1) % MAX_SEQ);
}

/** Determines what a frame (without its NUL) is. The body is a view into `frame` where possible. */
export function decodeFrame(frame: Uint8Array): DecodedFrame {
  const first = frame[0] ?? 0;
  if ((first & MARK_MASK) !== MARK) return { kind: 'plain', body: frame };

  const payload = checkedPayload(frame);
  if (payload === undefined) return { kind: 'damaged' };
  // Only now: until the checksum is known to be right, a version may just as well be a damaged bit.
  if (first & (VERSION_MASK | RESERVED_FLAG)) return { kind: 'unsupported' };

  const split = first & Flag.Fields ? splitFields(payload) : { fields: {}, body: payload };
  if (split === undefined) return { kind: 'damaged' };
  if (split === 'unsupported') return { kind: 'unsupported' };
  const envelope = {
    seq: (frame[1] as number) & MAX_SEQ,
    control: (first & Flag.Control) !== 0,
    ...split,
  };
  return { kind: 'envelope', envelope };
}

/** What the first byte of an envelope of this version says; undefined: it is none. */
export function headOf([first = 0]: Uint8Array) {
  if ((first & (MARK_MASK | VERSION_MASK | RESERVED_FLAG)) !== MARK) return undefined;
  return {
    stuffed: (first & Flag.Stuffed) !== 0,
    hasFields: (first & Flag.Fields) !== 0,
    control: (first & Flag.Control) !== 0,
  };
}

/** The payload before stuffing, or undefined if header, stuffing or checksum is wrong. */
function checkedPayload(frame: Uint8Array): Uint8Array | undefined {
  if (frame.length < HEADER_BYTES) return undefined;
  for (let i = 1; i < HEADER_BYTES; i++) if ((frame[i] as number) < GUARD) return undefined;
  if ((frame[HEADER_BYTES - 1] as number) > CRC_LAST_MAX) return undefined;
  let crc = 0;
  for (let i = CRC_OFFSET; i < HEADER_BYTES; i++) {
    crc |= ((frame[i] as number) & 0x7f) << ((i - CRC_OFFSET) * 7);
  }
  const rest = frame.subarray(HEADER_BYTES);
  const payload = (frame[0] as number) & Flag.Stuffed ? cobsDecode(rest) : rest;
  if (payload === undefined || checksum(frame, payload) !== crc >>> 0) return undefined;
  return payload;
}

/** Undefined: that is damaged, or not all of it. */
export function splitFields(
  payload: Uint8Array,
): { fields: MessageFields; body: Uint8Array } | 'unsupported' | undefined {
  const length = readLeb128(payload, 0);
  if (length === undefined || length.value > payload.length - length.next) return undefined;
  const end = length.next + length.value;
  const fields = decodeFields(payload.subarray(length.next, end));
  if (fields === undefined || fields === 'unsupported') return fields;
  return { fields, body: payload.subarray(end) };
}

/** Over byte 0, byte 1 and the payload before stuffing. */
function checksum(frame: Uint8Array, payload: Uint8Array): number {
  return crc32(payload, crc32(frame.subarray(0, CRC_OFFSET)));
}
