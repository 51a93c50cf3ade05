import { promisify } from 'node:util';
import { builtin } from '../builtin.ts';

/** Below this nothing is won. */
const WORTH_BYTES = 200;

/** Half the bytes of deflate for lists of queues, in the time of it; better ones take ten times as long. */
const QUALITY = 5;

/** JSON text as it goes over the wire: each byte is 18 µs of the bus, packing one some 0.1 µs of a thread. */
export interface Packed {
  readonly bytes: Uint8Array;
  /** Bytes of the text; undefined: `bytes` is the text. */
  readonly unpacked: number | undefined;
}

/** Packed only when that is smaller. */
export async function pack(text: Uint8Array): Promise<Packed> {
  const asIs = { bytes: text, unpacked: undefined };
  if (text.length < WORTH_BYTES) return asIs;
  const { brotliCompress, constants } = builtin('zlib');
  const bytes = await promisify<Uint8Array, object, Buffer>(brotliCompress)(text, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
    },
  });
  return bytes.length < text.length ? { bytes, unpacked: text.length } : asIs;
}

/** @throws an error of zlib, or when it is not as long as it says */
export async function unpack({ bytes, unpacked }: Packed): Promise<Uint8Array> {
  if (unpacked === undefined) return bytes;
  const { brotliDecompress } = builtin('zlib');
  // Never more than was promised: a few bytes can be the packed form of many megabytes.
  const text = await promisify<Uint8Array, object, Buffer>(brotliDecompress)(bytes, {
    maxOutputLength: Math.max(unpacked, 1),
  });
  if (text.length !== unpacked) throw new Error('a reply is shorter than it says');
  return text;
}
