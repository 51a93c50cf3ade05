import type { SentFrame } from '../client/send-options.ts';
import { HEADER_BYTES } from '../codec/limits.ts';

const NAMES = ['flags', 'number', 'check', 'check', 'check', 'check', 'check'];

/**
 * Shows a frame as it was sent: one line per byte, its bits in the order of sending, the signals, and whether each
 * came back. For people who want to see how it works.
 */
export function traceOf({ frame, echoes }: SentFrame): string {
  const lines = [...frame].map((byte, at) => {
    const bits = Array.from({ length: 8 }, (_, n) => (byte >> n) & 1);
    const back = bits.map((bit, n) => markOf(bit, echoes[at * 8 + n]));
    const hex = byte.toString(16).padStart(2, '0');
    return [
      nameOf(byte, at, frame.length).padEnd(8),
      `0x${hex}`,
      bits.join(' '),
      bits.map((bit) => (bit ? 'USR2' : 'USR1')).join(' '),
      back.join(''),
    ].join('  ');
  });
  const title = `${'byte'.padEnd(8)}  hex   bits, low first  ${'signals'.padEnd(39)}  echo`;
  return [title, ...lines, ''].join('\n');
}

function markOf(sent: number, echo: number | undefined): string {
  if (echo === undefined) return '.';
  return echo === sent ? '=' : '!';
}

function nameOf(byte: number, at: number, length: number): string {
  if (length > 1 && at === length - 1) return 'end';
  if (at < HEADER_BYTES) return NAMES[at] ?? '';
  return byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : 'byte';
}
