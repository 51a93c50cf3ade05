import { decodeBatch, type Entry, encodeBatch } from '../codec/batch.ts';
import { type Envelope, encodeEnvelope } from '../codec/envelope.ts';
import type { MessageFields } from '../codec/fields.ts';
import { Reason } from '../codec/reason.ts';
import { SignalCodec } from '../codec/signal-codec.ts';
import { packSync, unpackSync } from './packed.ts';

/** Fields and lengths of a batch's entries, beside their bodies; bytes. */
const ENTRIES_BYTES = 64 << 10;

/** What a peer takes beside a message in a frame of its own, unpacked; see docs/protocol.md, section 1. */
export interface Accepts {
  readonly batch: boolean;
  readonly brotli: boolean;
}

/** What every sigmq of this version takes. */
export const ACCEPTS = 'batch,brotli';
export const NOTHING_MORE: Accepts = { batch: false, brotli: false };

/** @param said of broker.json or consumers.txt; what is not known is of a later version */
export function acceptsOf(said: string | undefined): Accepts {
  const names = said?.split(',') ?? [];
  return { batch: names.includes('batch'), brotli: names.includes('brotli') };
}

/** What a frame of messages is made of. */
export interface Content {
  /** Of the frame, and of each message that does not say otherwise. */
  readonly fields: MessageFields;
  /** More than one only for a peer that takes batches. */
  readonly entries: readonly Entry[];
}

/** What messages have in common is said once. */
export function contentOf(messages: readonly Entry[]): Content {
  const [first, ...others] = messages;
  if (!first || others.some(({ fields }) => fields !== first.fields))
    return { fields: {}, entries: messages };
  return { fields: first.fields, entries: messages.map(({ body }) => ({ fields: {}, body })) };
}

/**
 * A frame of messages, with its zero byte.
 * @throws CodecError
 */
export function messagesFrame(
  seq: number,
  { fields, entries }: Content,
  { brotli }: Pick<Accepts, 'brotli'>,
  { control = false }: { readonly control?: boolean } = {},
): Uint8Array {
  const [only] = entries;
  const isOne = entries.length === 1 && only !== undefined;
  const text = isOne ? only.body : encodeBatch(entries);
  const { bytes: body, unpacked } = brotli ? packSync(text) : { bytes: text, unpacked: undefined };
  const all: MessageFields = {
    ...fields,
    ...(isOne ? only.fields : { count: entries.length }),
    ...(unpacked === undefined ? {} : { unpacked }),
  };
  return SignalCodec.encode(encodeEnvelope({ seq, body, control, fields: all }));
}

/**
 * The messages of a frame, each with all of its fields.
 * @param maxBytes of one body
 */
export function messagesOf({ fields, body }: Envelope, maxBytes: number): Entry[] | Reason {
  const { count, unpacked, ...shared } = fields;
  if ((unpacked ?? 0) > maxBytes + ENTRIES_BYTES) return Reason.TooLarge;
  const bytes = opened(body, unpacked);
  if (bytes === undefined) return Reason.Unsupported;
  if (count === undefined) return [{ fields: shared, body: bytes }];
  const entries = decodeBatch(bytes, count);
  if (entries === undefined || entries === 'unsupported') return Reason.Unsupported;
  return entries.map((entry) => ({ ...entry, fields: { ...shared, ...entry.fields } }));
}

/** Its checksum was right: what cannot be unpacked was never packed. */
function opened(bytes: Uint8Array, unpacked: number | undefined): Uint8Array | undefined {
  try {
    return unpackSync({ bytes, unpacked });
  } catch {
    return undefined;
  }
}
