import { BLOCK_BYTES } from '../signals/memory.ts';

/** Bits that are sent one after the other, each after the echo of the one before: whole bytes, or one bit. */
export interface Run {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

export const ZERO: Run = { bytes: Uint8Array.of(0), bits: 1 };

/** The bytes of a frame from one on, as many as go at once. */
export function runOf(frame: Uint8Array, from: number): Run {
  const bytes = frame.subarray(from, from + BLOCK_BYTES);
  return { bytes, bits: bytes.length * 8 };
}
