import type { SentFrame } from '../client/send-options.ts';
import { decodeFrame, type Envelope } from '../codec/envelope.ts';
import { readLeb128 } from '../codec/leb128.ts';
import { HEADER_BYTES } from '../codec/limits.ts';
import { inOrder, meaningOf, type PlainCoding, USUAL_CODING } from '../codec/plain-coding.ts';
import type { Bit } from '../codec/signal-codec.ts';
import { messagesOf } from '../link/messages.ts';
import { unpackedBytes } from '../link/model.ts';

/** Flags of the first byte of a frame (protocol 6). */
const STUFFED = 1;
const FIELDS = 2;
const NAMES = ['flags', 'number', 'check', 'check', 'check', 'check', 'check'];

/**
 * Shows a frame as it was sent: what became of its messages, then one line per byte, its bits in the order of sending,
 * the signals, and whether each came back. For people who want to see how it works.
 * @param plain how a plain peer was sent to, which gets no envelope
 */
export function traceOf({ frame, echoes }: SentFrame, plain?: PlainCoding): string {
  const coding = plain ?? USUAL_CODING;
  const bodyAt = plain ? 0 : bodyStart(frame);
  const lines = [...frame].map((signals, at) => {
    const sent = Array.from({ length: 8 }, (_, n) => ((signals >> n) & 1) as Bit);
    const bits = sent.map((signal) => meaningOf(signal, coding));
    const byte = inOrder(
      bits.reduce((sum: number, bit, n) => sum | (bit << n), 0),
      coding,
    );
    const back = sent.map((signal, n) => markOf(signal, echoes[at * 8 + n]));
    const hex = byte.toString(16).padStart(2, '0');
    return [
      nameOf(byte, at, { bodyAt, length: frame.length, isPlain: plain !== undefined }).padEnd(8),
      `0x${hex}`,
      bits.join(' '),
      sent.map((signal) => (signal ? 'USR2' : 'USR1')).join(' '),
      back.join(''),
    ].join('  ');
  });
  const order = coding.order === 'lsb' ? 'bits, low first' : 'bits, top first';
  const title = `${'byte'.padEnd(8)}  hex   ${order}  ${'signals'.padEnd(39)}  echo`;
  return [...(plain ? [] : sizesOf(frame)), title, ...lines, ''].join('\n');
}

/** One line, or none for what is no frame of messages. */
function sizesOf(frame: Uint8Array): string[] {
  const decoded = decodeFrame(frame.subarray(0, -1));
  if (decoded.kind !== 'envelope') return [];
  const { envelope } = decoded;
  const { count = 1, packed, unpacked } = envelope.fields;
  const bytes = packed === undefined ? bytesOf(envelope) : unpackedBytes(packed);
  if (bytes === undefined) return [];
  const what = `${counted(count, 'message')} of ${counted(bytes, 'byte')}`;
  const isPacked = packed !== undefined || unpacked !== undefined;
  const to = isPacked ? `, packed to ${envelope.body.length}` : '';
  return [`${what}${to}; ${counted(frame.length, 'byte')} on the wire`];
}

/** Of the messages; undefined: these are none. */
function bytesOf(envelope: Envelope): number | undefined {
  const messages = messagesOf(envelope, Number.POSITIVE_INFINITY);
  if (!Array.isArray(messages)) return undefined;
  return messages.reduce((sum, { body }) => sum + body.length, 0);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Where the fields end, if there are any. Behind each 254 bytes without a zero it is one too early. */
function bodyStart(frame: Uint8Array): number {
  const flags = frame[0] ?? 0;
  if (!(flags & FIELDS)) return HEADER_BYTES;
  const length = readLeb128(frame, HEADER_BYTES + (flags & STUFFED));
  return length === undefined ? HEADER_BYTES : length.next + length.value;
}

function markOf(sent: number, echo: number | undefined): string {
  if (echo === undefined) return '.';
  return echo === sent ? '=' : '!';
}

function nameOf(
  byte: number,
  at: number,
  frame: { bodyAt: number; length: number; isPlain: boolean },
): string {
  if (frame.length > 1 && at === frame.length - 1) return 'end';
  if (!frame.isPlain && at < HEADER_BYTES) return NAMES[at] ?? '';
  if (at < frame.bodyAt) return 'fields';
  return byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : 'byte';
}
