import { codecErrors } from './codec-error.ts';

/** Eight groups of 7 bits hold the 53 bits of Number.MAX_SAFE_INTEGER; anything longer is not a number. */
const MAX_LEB128_BYTES = 8;

/**
 * Unsigned LEB128: 7 bits per byte, least significant first, the top bit set in all but the last. By division, not
 * shifts: those stop at 32 bits.
 * @throws CodecError if `value` is not an integer from 0 to Number.MAX_SAFE_INTEGER
 */
export function encodeLeb128(value: number, what = 'number'): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw codecErrors.notAnInteger(what, value, Number.MAX_SAFE_INTEGER);
  }
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
  return Uint8Array.from(out);
}

/**
 * Reads the number at `offset`; `next` is the offset after it. Undefined if the bytes end inside it, or if it
 * exceeds Number.MAX_SAFE_INTEGER or eight bytes.
 */
export function readLeb128(
  bytes: Uint8Array,
  offset: number,
): { value: number; next: number } | undefined {
  const end = Math.min(bytes.length, offset + MAX_LEB128_BYTES);
  let value = 0;
  let scale = 1;
  for (let at = offset; at < end; at++) {
    const byte = bytes[at] as number;
    value += (byte & 0x7f) * scale;
    scale *= 0x80;
    // Beyond 2^53 the sum is rounded, but never back to a safe integer.
    if (byte < 0x80) return Number.isSafeInteger(value) ? { value, next: at + 1 } : undefined;
  }
  return undefined;
}
