import { decodeBatch, type Entry, encodeBatch } from '../codec/batch.ts';
import { type Envelope, encodeEnvelope } from '../codec/envelope.ts';
import type { MessageFields } from '../codec/fields.ts';
import { Reason } from '../codec/reason.ts';
import { SignalCodec } from '../codec/signal-codec.ts';
import { packSync, unpackSync } from './brotli.ts';
import { MAX_PACKED_BYTES, type Packer, type Unpacker } from './model.ts';

/** Fields and lengths of a batch's entries, beside their bodies; bytes. */
const ENTRIES_BYTES = 64 << 10;

/** What a peer takes beside a message in a frame of its own, unpacked; see docs/protocol.md, section 1. */
export interface Accepts {
  readonly batch: boolean;
  readonly brotli: boolean;
  /** Packed by what both ends have learned: version 2 of the model. */
  readonly model: boolean;
}

/** What every sigmq of this version takes. */
export const ACCEPTS = 'batch,brotli,model2';
export const NOTHING_MORE: Accepts = { batch: false, brotli: false, model: false };

/** @param said of broker.json or consumers.txt; what is not known is of a later version */
export function acceptsOf(said: string | undefined): Accepts {
  const names = said?.split(',') ?? [];
  return {
    batch: names.includes('batch'),
    brotli: names.includes('brotli'),
    model: names.includes('model2'),
  };
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

export interface FrameOptions {
  /** No message. */
  readonly control?: boolean;
  /** What this process and a peer that accepts `model` have learned; unless it takes the frame, both begin anew. */
  readonly packer?: Packer | undefined;
}

/**
 * A frame of messages, with its zero byte.
 * @throws CodecError
 */
export function messagesFrame(
  seq: number,
  { fields, entries }: Content,
  { brotli }: Pick<Accepts, 'brotli'>,
  { control = false, packer }: FrameOptions = {},
): Uint8Array {
  const [only] = entries;
  const isOne = entries.length === 1 && only !== undefined;
  const { bytes: body, ...how } = packedFor(textOf(entries), brotli, packer);
  const all: MessageFields = {
    ...fields,
    ...(isOne ? only.fields : { count: entries.length }),
    ...how,
  };
  return SignalCodec.encode(encodeEnvelope({ seq, body, control, fields: all }));
}

/** Packs what will be in the next frame to a peer, if this one is taken, while there is time. */
export function packAhead({ entries }: Content, packer: Packer): void {
  const text = textOf(entries);
  if (text.length <= MAX_PACKED_BYTES) packer.packAhead(text);
}

function textOf(entries: readonly Entry[]): Uint8Array {
  const [only] = entries;
  return entries.length === 1 && only ? only.body : encodeBatch(entries);
}

/** The bytes of a body, and the field that says how they are packed: by the model, or, what is large, in brotli. */
function packedFor(
  text: Uint8Array,
  brotli: boolean,
  packer: Packer | undefined,
): { readonly bytes: Uint8Array } & Pick<MessageFields, 'packed' | 'unpacked'> {
  if (packer && text.length <= MAX_PACKED_BYTES) return packer.pack(text) ?? { bytes: text };
  const { bytes, unpacked } = brotli ? packSync(text) : { bytes: text, unpacked: undefined };
  return { bytes, ...(unpacked === undefined ? {} : { unpacked }) };
}

/**
 * The messages of a frame, each with all of its fields.
 * @param maxBytes of one body
 * @param unpacker what its sender and this process have learned
 * @returns Reason.Unknown when they have not learned the same: the sender has to begin anew
 */
export function messagesOf(
  { fields, body }: Envelope,
  maxBytes: number,
  unpacker?: Unpacker,
): Entry[] | Reason {
  const { count, packed, unpacked, ...shared } = fields;
  const most = maxBytes + ENTRIES_BYTES;
  if ((unpacked ?? 0) > most) return Reason.TooLarge;
  const learned = packed === undefined ? body : unpacker?.unpack({ bytes: body, packed }, most);
  if (learned === 'too-large') return Reason.TooLarge;
  if (learned === undefined) return unpacker ? Reason.Unknown : Reason.Unsupported;
  const bytes = opened(learned, unpacked);
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
