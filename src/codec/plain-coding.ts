/** How programs that we did not write put bytes into signals: sigmq's own way is the default. */

import { codecErrors } from './codec-error.ts';
import type { Bit } from './signal-codec.ts';

export const ORDERS = ['lsb', 'msb'] as const;
/** What a plain sender may wait for, after a bit and after a message; `same`: the signal that it has sent. */
export const BIT_ACKS = ['usr1', 'usr2', 'same'] as const;
export const MESSAGE_ACKS = ['usr1', 'usr2'] as const;
export const ONES = ['usr2', 'usr1'] as const;

export interface PlainCoding {
  /** Which bit of a byte goes first: the least or the most significant one. */
  readonly order: (typeof ORDERS)[number];
  /** Which of the two signals is a 1. */
  readonly one: (typeof ONES)[number];
}

/** That of docs/protocol.md, section 3. */
export const USUAL_CODING: PlainCoding = { order: 'lsb', one: 'usr2' };

/** What is left out is as usual. */
export function codingOf({ order, one }: Partial<PlainCoding>): PlainCoding {
  return { order: order ?? USUAL_CODING.order, one: one ?? USUAL_CODING.one };
}

/** The bit that a signal stands for (0: SIGUSR1 came), or the signal for a bit. */
export function meaningOf(bit: Bit, { one }: PlainCoding): Bit {
  return one === 'usr2' ? bit : bit === 0 ? 1 : 0;
}

/** What a bit adds to its byte, which is the `position`-th of it on the wire, from 0. */
export function weightOf(position: number, { order }: PlainCoding): number {
  return order === 'lsb' ? 1 << position : 0x80 >> position;
}

/** The byte of which these are the bits as if the least significant one had come first, or the other way round. */
export function inOrder(byte: number, { order }: PlainCoding): number {
  if (order === 'lsb') return byte;
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) reversed |= ((byte >> bit) & 1) << (7 - bit);
  return reversed;
}

/**
 * The signals of a body and its zero byte, eight in a byte: bit n is the n-th signal, 1 is SIGUSR2.
 * @throws CodecError if `body` has a zero byte
 */
export function plainFrame(body: Uint8Array, coding: PlainCoding): Uint8Array {
  const zero = body.indexOf(0);
  if (zero !== -1) throw codecErrors.zeroByte(zero);
  const flip = coding.one === 'usr2' ? 0 : 0xff;
  const frame = new Uint8Array(body.length + 1).fill(flip);
  body.forEach((byte, at) => {
    frame[at] = inOrder(byte, coding) ^ flip;
  });
  return frame;
}
