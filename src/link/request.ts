import type { Envelope } from '../codec/envelope.ts';
import { controlFrame } from './control-frame.ts';

/** Messages that one `purge` or `kick` changes at most: some 10 ms of the broker's time. */
export const MAX_CHANGES = 1000;
/** Messages that one `peek` shows at most, and ids that a request may name. */
export const MAX_ROWS = 100;
/** Bytes of bodies that one `peek` shows at most: some 2 s on the wire at worst. */
export const MAX_PEEK_BYTES = 128 << 10;
/** Queues that one `counts` or `queues` tells of at most: some 10 ms of the broker's time. */
export const MAX_QUEUES_TOLD = 1000;
/** Bytes of a reply, packed and unpacked: four times what all of the above can come to. */
export const MAX_REPLY_BYTES = 4 << 20;

/** Something asked of the broker, or its reply: JSON in a control frame (docs/protocol.md, section 8). */
export interface Note {
  /** Chosen by who asks. */
  readonly number: number;
  readonly content: unknown;
}

/** Some bytes of a reply that does not go in one frame, or is packed. */
export interface Part {
  /** Of the request. */
  readonly number: number;
  readonly bytes: Uint8Array;
  /** Bytes before these. */
  readonly offset: number;
  /** Bytes of all parts. */
  readonly total: number;
  /** Bytes of the JSON text, if the parts are packed (brotli, RFC 7932). */
  readonly unpacked?: number | undefined;
}

/** The request in a control frame; undefined when it is something else. */
export function requestOf(envelope: Envelope): Note | undefined {
  return noteOf(envelope, envelope.fields.request);
}

/** The whole reply in a control frame; undefined when it is something else. */
export function replyOf(envelope: Envelope): Note | undefined {
  return envelope.fields.total === undefined ? noteOf(envelope, envelope.fields.ref) : undefined;
}

/** The part of a reply in a control frame; undefined when it is something else. */
export function partOf({ control, body, fields }: Envelope): Part | undefined {
  const { ref: number, offset = 0, total, unpacked } = fields;
  if (!control || number === undefined || total === undefined) return undefined;
  return { number, bytes: body, offset, total, unpacked };
}

export function requestFrame({ number, content }: Note): Uint8Array {
  return controlFrame(Buffer.from(JSON.stringify(content)), { request: number });
}

export function replyFrame({ number, content }: Note): Uint8Array {
  return controlFrame(Buffer.from(JSON.stringify(content)), { ref: number });
}

export function partFrame({ number, bytes, offset, total, unpacked }: Part): Uint8Array {
  return controlFrame(bytes, {
    ref: number,
    total,
    ...(offset === 0 ? {} : { offset }),
    // Said once: the first part decides.
    ...(offset > 0 || unpacked === undefined ? {} : { unpacked }),
  });
}

function noteOf({ body, control }: Envelope, number: number | undefined): Note | undefined {
  if (!control || number === undefined) return undefined;
  try {
    return { number, content: JSON.parse(Buffer.from(body).toString()) as unknown };
  } catch {
    return undefined;
  }
}
