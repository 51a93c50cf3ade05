/** The register filling bit by bit, as lines of text: pure, from data to text. */
import chalk from 'chalk';
import { type PlainCoding, weightOf } from '../../codec/plain-coding.ts';
import type { Heard } from '../../link/hearing.ts';
import { byteName, type Pulse } from '../scope/recording.ts';
import { drawable, MIN_COLUMNS, strips, usualScale } from '../scope/wave.ts';
import { columnsOf, cut, padded } from '../screen/cells.ts';
import type { Size } from '../screen/screen.ts';
import { oneLine, visible } from '../visible.ts';
import { type HeardLog, type LoggedMessage, pulseOf } from './heard-log.ts';

/** What is shown. */
export interface Shown {
  readonly pid: number;
  readonly coding: PlainCoding;
  readonly log: HeardLog;
  /** After how many signals: all of them, or fewer, when it is frozen or in slow motion. */
  readonly cursor: number;
  readonly mode: 'live' | 'frozen' | 'slow motion';
  /** What else there is to say. */
  readonly warning: string;
}

/** How far back the bits of one message are looked for, in signals. */
const MAX_BACK = 4000;
/** Signals of the waves. */
const MAX_WAVE = 2000;
const BITS = [0, 1, 2, 3, 4, 5, 6, 7];
const NAME_COLUMNS = 11;
const BIT_COLUMNS = 6;
const KEYS = 'q quit   space freeze   ← → step   s slow motion';
const WAVE_NAMES = 8;

export function pictureOf(shown: Shown, { columns, rows }: Size): string[] {
  const { log, cursor } = shown;
  const source = sourceAt(log, cursor);
  const head = [
    headLine(shown, columns),
    chalk.dim(` sigmq send --pid ${shown.pid} hello     or a bit by hand: kill -USR1 ${shown.pid}`),
    '',
    senderLine(shown, source),
    ...registerLines(shown, source),
    '',
    ...waveLines(shown, columns),
    '',
  ];
  const left = Math.max(0, rows - head.length - 1);
  const messages = log.messages.filter(({ signals }) => signals <= cursor);
  // On a tall terminal the signals have the lower half of what is left.
  const table = left > 16 ? signalLines(shown, Math.floor(left / 2) - 1) : [];
  const room = left - table.length - (table.length > 0 ? 1 : 0);
  const told = messages.slice(-room).map((message) => messageLine(message, columns));
  const middle = [...told, ...Array(Math.max(0, room - told.length)).fill('')];
  const lines = [...head, ...middle, ...(table.length > 0 ? ['', ...table] : [])];
  const foot = shown.warning ? chalk.red(oneLine(shown.warning)) : chalk.dim(` ${KEYS}`);
  return [...lines.slice(0, rows - 1), foot].map((line) => cut(line, columns));
}

function headLine({ pid, coding, log, mode }: Shown, columns: number): string {
  const order = coding.order === 'lsb' ? 'LSB first' : 'MSB first';
  const left = ` sigmq listen   PID ${pid}   ${order}, SIG${coding.one.toUpperCase()} is 1   ${mode}`;
  const counts = [
    `${log.messageCount} messages`,
    `${log.count} signals`,
    ...(log.foreign > 0 ? [`${log.foreign} foreign`] : []),
    ...(log.lost > 0 ? [`${log.lost} lost`] : []),
  ].join(', ');
  const right = columns - columnsOf(counts) - 1;
  return chalk.inverse(
    padded(right > columnsOf(left) ? padded(left, right) + counts : left, columns),
  );
}

/** The bits of the byte under way, by position, and the bytes of the message before it. */
interface Source {
  /** The last bit that is part of a byte. */
  readonly last: Heard | undefined;
  readonly bits: ReadonlyMap<number, Heard>;
  readonly bytes: readonly number[];
}

function sourceAt(log: HeardLog, cursor: number): Source {
  let at = cursor - 1;
  while (at >= log.first && log.get(at)?.position === undefined) at--;
  const last = log.get(at);
  const bits = new Map<number, Heard>();
  const bytes: number[] = [];
  let wanted = last?.position ?? -1;
  let isBefore = false;
  for (const end = Math.max(log.first, at - MAX_BACK); last && at >= end; at--) {
    const heard = log.get(at);
    if (heard?.position === undefined || heard.source !== last.source) continue;
    if (heard.position !== wanted || (isBefore && heard.isEnd)) break;
    if (!isBefore) bits.set(wanted, heard);
    else if (wanted === 7) bytes.unshift(heard.byte ?? 0);
    if (wanted === 0) isBefore = true;
    if (heard.position === 0 && heard.lost) break;
    wanted = (wanted + 7) % 8;
  }
  return { last, bits, bytes };
}

function senderLine({ log, cursor }: Shown, { last }: Source): string {
  if (!last) return ' Nothing has come yet.';
  const newest = log.get(cursor - 1) ?? last;
  const kind = last.peer === 'echo' ? 'an echo peer: each signal is answered' : 'a plain peer';
  const marks = [
    ...(newest.isForeign ? ['FOREIGN: in the middle of the message of another process'] : []),
    ...(newest.lost ? [`LOST: ${newest.lost} bits of a message that did not end`] : []),
  ];
  const mark = marks.length > 0 ? `   ${chalk.red(marks.join(', '))}` : '';
  return ` from ${whose(last)}, ${kind}${mark}`;
}

function whose({ pid, program }: Pick<Heard, 'pid' | 'program'>): string {
  if (pid === 0) return 'somebody';
  return `${pid} ${oneLine(program) || '(ended)'}`;
}

function registerLines({ coding }: Shown, { last, bits, bytes }: Source): string[] {
  // An echo peer sends as docs/protocol.md has it, whatever plain peers do.
  const own: PlainCoding = last?.peer === 'echo' ? { order: 'lsb', one: 'usr2' } : coding;
  const row = (name: string, cell: (position: number) => string) =>
    ` ${name.padEnd(NAME_COLUMNS)}${BITS.map((n) => cell(n).padStart(BIT_COLUMNS)).join('')}`;
  const ofBit = (text: (heard: Heard) => string) => (n: number) => {
    const heard = bits.get(n);
    return heard ? text(heard) : '·';
  };
  const value = last?.byte ?? 0;
  const count = bits.size;
  const lit = (line: string) => (count > 0 ? chalk.bold(line) : line);
  const digits = value.toString(2).padStart(8, '0');
  const said =
    count === 8 ? `0x${value.toString(16).padStart(2, '0')}  ${value}  ${byteName(value)}` : '';
  return [
    row('bit number', (n) => String(own.order === 'lsb' ? n : 7 - n)),
    row('weight', (n) => String(weightOf(n, own))),
    row(
      'signal',
      ofBit(({ bit }) => (bit === 0 ? 'USR1' : 'USR2')),
    ),
    lit(
      row(
        'bit',
        ofBit(({ weight }) => (weight ? '1' : '0')),
      ),
    ),
    row(
      'sum',
      ofBit(({ byte }) => String(byte ?? 0)),
    ),
    ` ${'byte'.padEnd(NAME_COLUMNS)}  ${digits}  ${said || `${count} of 8 bits, ${value} so far`}`,
    ` ${'message'.padEnd(NAME_COLUMNS)}  ${bytesText(bytes)}`,
  ];
}

/** Text where it is text; the last ones. */
function bytesText(bytes: readonly number[]): string {
  const some = bytes.slice(-64);
  const text = Buffer.from(some).toString();
  const isText = some.length > 0 && !text.includes('\ufffd');
  if (isText) return `${JSON.stringify(visible(text))} so far`;
  return some
    .slice(-16)
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join(' ');
}

function waveLines({ log, cursor, coding }: Shown, columns: number): string[] {
  const pulses: Pulse[] = [];
  const begin = Math.max(log.first, cursor - MAX_WAVE);
  const start = log.get(begin)?.at ?? 0;
  for (let at = begin; at < cursor; at++) {
    const heard = log.get(at);
    if (heard) pulses.push({ ...pulseOf(heard), at: (heard.at - start) * 1000 });
  }
  const usPerColumn = usualScale(pulses);
  const width = Math.max(MIN_COLUMNS, columns - 1);
  const span = (width - WAVE_NAMES) * usPerColumn;
  const from = Math.max(0, (pulses.at(-1)?.at ?? 0) - span * 0.95);
  const picture = drawable({ pulses, info: new Map([['one', coding.one]]) });
  const [strip] = strips(picture, { from, usPerColumn, columns: width });
  return strip ? strip.lines.map((line) => ` ${line}`) : Array(7).fill('');
}

function messageLine({ at, body, ...sender }: LoggedMessage, columns: number): string {
  const time = at.toTimeString().slice(0, 8);
  const start = ` ${time}  ${whose(sender)}  `;
  return cut(`${chalk.dim(start)}${oneLine(body)}`, columns);
}

/** The last signals, one a line. */
function signalLines({ log, cursor }: Shown, count: number): string[] {
  const title = chalk.dim(
    `   ${'time'.padEnd(14)}${'from'.padEnd(24)}${'signal'.padEnd(10)}${'bit'.padStart(4)}${'weight'.padStart(8)}${'sum'.padStart(6)}`,
  );
  const lines = [title];
  for (let at = Math.max(log.first, cursor - count + 1); at < cursor; at++) {
    const heard = log.get(at);
    if (heard) lines.push(signalLine(heard, log.get(at - 1)));
  }
  return lines;
}

function signalLine(heard: Heard, before: Heard | undefined): string {
  const { kind, bit, position, weight = 0, byte = 0, isForeign, lost } = heard;
  const gap = before ? `+${((heard.at - before.at) * 1000).toFixed(0)} µs` : '';
  const signal = bit === 0 ? 'USR1' : 'USR2';
  const place =
    position === undefined
      ? ''
      : `${(weight ? '1' : '0').padStart(4)}${String(weight).padStart(8)}${String(byte).padStart(6)}`;
  const arrow = kind === 'echo' ? '←' : ' ';
  const mark = [...(isForeign ? ['foreign'] : []), ...(lost ? [`${lost} lost`] : [])].join(' ');
  const line = ` ${arrow} ${padded(gap, 14)}${padded(whose(heard), 24)}${signal.padEnd(10)}${place}`;
  return mark ? `${line}  ${chalk.red(mark)}` : kind === 'echo' ? chalk.green(line) : line;
}
