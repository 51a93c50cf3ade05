import type { Envelope } from '../codec/envelope.ts';
import { encodeLeb128, readLeb128 } from '../codec/leb128.ts';
import { controlFrame } from './control-frame.ts';
import { MAX_REPLY_BYTES, type Part } from './request.ts';

/** What became of a message whose sender waits for a reply (docs/protocol.md, section 9). */
export const AnswerKind = {
  /** Somebody has replied. */
  Reply: 'r',
  /** It was handled, and nobody replied. */
  None: 'n',
  /** It is a dead letter. */
  Dead: 'x',
} as const;
export type AnswerKind = (typeof AnswerKind)[keyof typeof AnswerKind];

export interface Answer {
  readonly kind: AnswerKind;
  /** With which the work ended, 0 to 255; undefined: not known. */
  readonly exitCode: number | undefined;
  /** Of the reply; empty if there is none. */
  readonly body: Uint8Array;
}

/** Before the body of an answer: a byte, and an exit code; bytes. */
const HEAD_BYTES = 16;
/** The body of a reply, whatever the broker allows. */
export const MAX_ANSWER_BODY_BYTES = MAX_REPLY_BYTES - HEAD_BYTES;
export const MAX_EXIT_CODE = 255;

const kinds: ReadonlySet<string> = new Set(Object.values(AnswerKind));

export function encodeAnswer({ kind, exitCode, body }: Answer): Uint8Array {
  const exit = exitCode === undefined ? 0 : exitCode + 1;
  return Buffer.concat([Buffer.from(kind), encodeLeb128(exit), body]);
}

/** Undefined if it is malformed, or of a later version. */
export function decodeAnswer(bytes: Uint8Array): Answer | undefined {
  const kind = String.fromCharCode(bytes[0] ?? 0);
  const exit = readLeb128(bytes, 1);
  if (!kinds.has(kind) || exit === undefined || exit.value > MAX_EXIT_CODE + 1) return undefined;
  const exitCode = exit.value === 0 ? undefined : exit.value - 1;
  return { kind: kind as AnswerKind, exitCode, body: bytes.subarray(exit.next) };
}

/** A part of an answer, or all of it; undefined when the frame is something else. */
export function answerPartOf({ control, body, fields }: Envelope): Part | undefined {
  const { answer: number, offset = 0, total = body.length, unpacked } = fields;
  if (!control || number === undefined) return undefined;
  return { number, bytes: body, offset, total, unpacked };
}

export function answerFrame({ number, bytes, offset, total, unpacked }: Part): Uint8Array {
  return controlFrame(bytes, {
    answer: number,
    ...(bytes.length === total ? {} : { total }),
    ...(offset === 0 ? {} : { offset }),
    ...(offset > 0 || unpacked === undefined ? {} : { unpacked }),
  });
}
