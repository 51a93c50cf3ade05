import type { Bit } from './signal-codec.ts';

/** Bits of a reason code, lowest first (docs/protocol.md, section 4). */
export const REASON_BITS = 4;

/**
 * Why a frame was refused (protocol 4): four bits, read after the refusal. No code has fewer than two one-bits,
 * because a receiver that is out of step and merely echoes yields 0.
 */
export const Reason = {
  /** Checksum or format is wrong: send again. */
  Damaged: 3,
  /** Over the receiver's limit. */
  TooLarge: 5,
  /** The queue is full: try later. */
  Full: 6,
  /** A frame of no bytes; also the sign of a receiver that is in step. */
  Empty: 7,
  /** A critical field or version is unknown. */
  Unsupported: 9,
  /** The store could not write. */
  Store: 10,
  /** The receiver is shutting down. */
  Closing: 11,
  /** To a delivery: received, not yet handled, a settlement follows. */
  Later: 12,
  /** A settlement or request names something unknown. */
  Unknown: 13,
  /** To a delivery: received but not handled. */
  Failed: 14,
} as const;
export type Reason = (typeof Reason)[keyof typeof Reason];

const codes: ReadonlySet<number> = new Set(Object.values(Reason));

/** Whether four bits that were read name a reason at all. */
export function isReason(code: number): code is Reason {
  return codes.has(code);
}

/** The name used in docs/protocol.md: `too-large`. */
export function reasonName(reason: Reason): string {
  const [name = ''] = Object.entries(Reason).find(([, code]) => code === reason) ?? [];
  return name.replace(/(?<=.)(?=[A-Z])/g, '-').toLowerCase();
}

/** Collects a reason that is read out. */
export class ReasonReader {
  #code = 0;
  #bits = 0;

  /** The code once it is complete, which need not be a {@link Reason}. */
  push(bit: Bit): number | undefined {
    this.#code |= bit << this.#bits;
    return ++this.#bits < REASON_BITS ? undefined : this.#code;
  }
}
