import { builtin } from '../builtin.ts';

/** Below this nothing is won. */
const WORTH_BYTES = 100;
/** Nor below this where zlib is still to be loaded: that takes as long as 200 bytes on the wire. */
const WORTH_LOADING_BYTES = 400;
/** What is larger goes as it is: packing it would take some 100 ms, while the bus is held. */
const MAX_PACKED_BYTES = 4 << 20;
/** Half the bytes of deflate for lists of queues, in the time of it; better ones take ten times as long. */
const QUALITY = 5;

/** Bytes as they go over the wire, which takes far longer than packing them. */
export interface Packed {
  readonly bytes: Uint8Array;
  /** How many bytes it is unpacked; undefined: it is not packed. */
  readonly unpacked: number | undefined;
}

let isLoaded = false;

function zlib() {
  isLoaded = true;
  return builtin('zlib');
}

/** Packed in brotli (RFC 7932), if that is smaller. */
export function packSync(text: Uint8Array): Packed {
  if (!isWorthIt(text)) return { bytes: text, unpacked: undefined };
  return smaller(text, zlib().brotliCompressSync(text, { params: paramsFor(text) }));
}

/** As {@link packSync}, by a thread. */
export async function pack(text: Uint8Array): Promise<Packed> {
  if (!isWorthIt(text)) return { bytes: text, unpacked: undefined };
  const compress = builtin('util').promisify<Uint8Array, object, Buffer>(zlib().brotliCompress);
  return smaller(text, await compress(text, { params: paramsFor(text) }));
}

function isWorthIt({ length }: Uint8Array): boolean {
  return length >= (isLoaded ? WORTH_BYTES : WORTH_LOADING_BYTES) && length <= MAX_PACKED_BYTES;
}

function paramsFor({ length }: Uint8Array): Record<number, number> {
  const { constants } = zlib();
  return {
    [constants.BROTLI_PARAM_QUALITY]: QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: length,
  };
}

function smaller(text: Uint8Array, bytes: Uint8Array): Packed {
  const isSmaller = bytes.length < text.length;
  return isSmaller ? { bytes, unpacked: text.length } : { bytes: text, unpacked: undefined };
}

/** @throws an error of zlib, or when it is not as long as it says */
export function unpackSync({ bytes, unpacked }: Packed): Uint8Array {
  if (unpacked === undefined) return bytes;
  return whole(unpacked, zlib().brotliDecompressSync(bytes, boundOf(unpacked)));
}

/** As {@link unpackSync}, by a thread. */
export async function unpack({ bytes, unpacked }: Packed): Promise<Uint8Array> {
  if (unpacked === undefined) return bytes;
  const decompress = builtin('util').promisify<Uint8Array, object, Buffer>(zlib().brotliDecompress);
  return whole(unpacked, await decompress(bytes, boundOf(unpacked)));
}

/** Never more than was promised: a few bytes can be the packed form of many megabytes. */
function boundOf(unpacked: number): { maxOutputLength: number } {
  return { maxOutputLength: Math.max(unpacked, 1) };
}

function whole(unpacked: number, text: Uint8Array): Uint8Array {
  if (text.length !== unpacked) throw new Error('what was packed is shorter than it says');
  return text;
}
