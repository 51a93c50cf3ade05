/**
 * Consistent Overhead Byte Stuffing (Cheshire & Baker, IEEE/ACM ToN 7(2), 1999): any bytes as
 * zero-free bytes. Each block is a code byte, then code - 1 bytes; a code below 255 also stands for
 * the zero that follows, except in the last block. No terminator is written or expected.
 */
const FULL_BLOCK = 0xff;

/** The most bytes that `length` bytes can take: one code byte, and one more per 254 bytes. */
export function cobsMaxBytes(length: number): number {
  return length + Math.max(1, Math.ceil(length / (FULL_BLOCK - 1)));
}

export function cobsEncode(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(cobsMaxBytes(bytes.length));
  let code = 0;
  let at = 1;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte !== 0) out[at++] = byte;
    // A full block at the very end needs no empty one after it: this keeps 254 bytes at 255.
    const full = at - code === FULL_BLOCK && i + 1 < bytes.length;
    if (byte === 0 || full) {
      out[code] = at - code;
      code = at++;
    }
  }
  out[code] = at - code;
  return out.subarray(0, at);
}

/** The bytes that were encoded, or undefined if `bytes` is not a COBS encoding of anything. */
export function cobsDecode(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length === 0) return undefined;
  const out = new Uint8Array(bytes.length - 1);
  let length = 0;
  let at = 0;
  while (at < bytes.length) {
    const code = bytes[at++] as number;
    const end = at + code - 1;
    if (code === 0 || end > bytes.length) return undefined;
    while (at < end) {
      const byte = bytes[at++] as number;
      if (byte === 0) return undefined;
      out[length++] = byte;
    }
    // The zero that this block stands for: `out` was allocated with zeros.
    if (code !== FULL_BLOCK && at < bytes.length) length++;
  }
  return out.subarray(0, length);
}

/** Decodes what comes in parts. */
export class CobsReader {
  /** Bytes of the block that are still to come. */
  #left = 0;
  /** The next block begins with the zero that the one before stands for. */
  #owesZero = false;

  /** The next bytes; undefined: they are not a COBS encoding of anything. */
  take(bytes: Uint8Array): Uint8Array | undefined {
    const out = new Uint8Array(bytes.length);
    let length = 0;
    for (const byte of bytes) {
      if (byte === 0) return undefined;
      if (this.#left > 0) {
        out[length++] = byte;
        this.#left--;
        continue;
      }
      if (this.#owesZero) length++; // `out` was allocated with zeros
      this.#left = byte - 1;
      this.#owesZero = byte !== FULL_BLOCK;
    }
    return out.subarray(0, length);
  }
}
