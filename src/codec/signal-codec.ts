/** Bits to frames and back (protocol 1): least significant bit first, a zero byte ends a frame. */

import { codecErrors } from './codec-error.ts';
import { DEFAULT_MAX_FRAME_BYTES } from './limits.ts';

export { DEFAULT_MAX_FRAME_BYTES, DEFAULT_MAX_MESSAGE_BYTES, maxFrameBytes } from './limits.ts';

/** 0 is SIGUSR1, 1 is SIGUSR2. */
export type Bit = 0 | 1;

/** Returned by push when a frame exceeds the limit. */
export const OVERFLOW: unique symbol = Symbol('overflow');

/** A line of text fits without growing, and 256 idle decoders take 16 KiB. */
const INITIAL_BYTES = 64;

/** One page: what a decoder may keep between frames. What a large message took beyond that is given back. */
const KEEP_BYTES = 4096;

/** Bit `index` of a frame in the order of the wire; 0 past its end. */
export function bitAt(frame: Uint8Array, index: number): Bit {
  return (((frame[index >>> 3] ?? 0) >>> (index & 7)) & 1) as Bit;
}

/** Collects the bits of one sender. Holds at most `maxFrameBytes` bytes, whatever comes in. */
export class SignalCodec {
  readonly #maxFrameBytes: number;
  #buffer = new Uint8Array(INITIAL_BYTES);
  #length = 0;
  #byte = 0;
  #bits = 0;
  #discarding = false;

  /** @throws CodecError if `maxFrameBytes` is not a positive integer */
  constructor({ maxFrameBytes = DEFAULT_MAX_FRAME_BYTES }: { maxFrameBytes?: number } = {}) {
    if (!Number.isSafeInteger(maxFrameBytes) || maxFrameBytes < 1) {
      throw codecErrors.badLimit(maxFrameBytes);
    }
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * Takes the next bit. Returns a frame, without its NUL, if this bit ends one: a copy that the caller may keep,
   * empty for an empty frame. Returns OVERFLOW once when the frame exceeds the limit; then everything up to and
   * including the next aligned NUL is dropped, unless reset.
   */
  push(bit: Bit): Uint8Array | typeof OVERFLOW | undefined {
    // Called for every signal: seven of eight calls end here, and nothing is allocated.
    this.#byte |= bit << this.#bits;
    if (++this.#bits < 8) return undefined;
    const byte = this.#byte;
    this.#byte = 0;
    this.#bits = 0;
    return this.#pushByte(byte);
  }

  /**
   * Takes bits that were collected elsewhere: `bytes`, none of them zero and no more than {@link space}, following
   * the unfinished byte that {@link partial} was; then `bits` bits of another one, the new `partial`.
   */
  absorb(bytes: Uint8Array, partial: number, bits: number): void {
    const length = this.#length + bytes.length;
    while (this.#buffer.length < length) this.#grow();
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
    this.#byte = partial;
    this.#bits = bits;
  }

  /** The whole bytes of an unfinished frame; valid until the next bit. */
  get soFar(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** How many more bytes a frame may have. */
  get space(): number {
    return this.#maxFrameBytes - this.#length;
  }

  /** The bits of the unfinished byte; there are {@link partialBits} of them. */
  get partial(): number {
    return this.#byte;
  }

  /** Also while bits are dropped; 0 to 7. */
  get partialBits(): number {
    return this.#bits;
  }

  /** Forgets an unfinished frame; the next bit is the first of a new one. */
  reset(): void {
    this.#byte = 0;
    this.#bits = 0;
    this.#discarding = false;
    this.#release();
  }

  /** Number of bits held of an unfinished frame; 0 when idle. Dropped bits (see discarding) are not held. */
  get bitCount(): number {
    return this.#length * 8 + this.#bits;
  }

  /** Whether the rest of a frame that was too long is being dropped. */
  get discarding(): boolean {
    return this.#discarding;
  }

  /**
   * The frame of a plain body: the bytes and a NUL. An envelope is framed the same way.
   * @throws CodecError if `body` has a zero byte
   */
  static encode(body: Uint8Array): Uint8Array {
    const zero = body.indexOf(0);
    if (zero !== -1) throw codecErrors.zeroByte(zero);
    const frame = new Uint8Array(body.length + 1);
    frame.set(body);
    return frame;
  }

  /** All bits of a frame in the order of the wire. A sender that may stop midway uses bitAt. */
  static *bits(frame: Uint8Array): Generator<Bit> {
    for (let index = 0; index < frame.length * 8; index++) yield bitAt(frame, index);
  }

  #pushByte(byte: number): Uint8Array | typeof OVERFLOW | undefined {
    if (this.#discarding) {
      if (byte === 0) this.#discarding = false;
      return undefined;
    }
    if (byte === 0) {
      const frame = this.#buffer.slice(0, this.#length);
      this.#release();
      return frame;
    }
    if (this.#length === this.#maxFrameBytes) {
      this.#discarding = true;
      this.#release();
      return OVERFLOW;
    }
    if (this.#length === this.#buffer.length) this.#grow();
    this.#buffer[this.#length++] = byte;
    return undefined;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.min(this.#buffer.length * 2, this.#maxFrameBytes));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }

  #release(): void {
    this.#length = 0;
    if (this.#buffer.length > KEEP_BYTES) this.#buffer = new Uint8Array(INITIAL_BYTES);
  }
}
