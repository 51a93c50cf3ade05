/** A recording as lines of text, as a logic analyser shows it: pure, from data to text. */
import chalk from 'chalk';
import { columnsOf } from '../screen/cells.ts';
import {
  byteName,
  bytesOf,
  type Pulse,
  type RecordedByte,
  type Recording,
  refusalsOf,
  timeText,
  titleOf,
  usualGap,
} from './recording.ts';
import { firstNot, type Span, spans } from './spans.ts';

/** Room for the names of the lanes. */
const LABEL_COLUMNS = 8;
/** Columns between two bits, if nobody says how far to zoom. */
const BIT_COLUMNS = 4;
const TICK_COLUMNS = 20;
/** A picture has at least so many. */
export const MIN_COLUMNS = 30;
/** Lines of a strip, with the empty one behind it. */
export const STRIP_LINES = 8;

/** What of a recording is to be seen; µs. */
export interface Window {
  readonly from: number;
  readonly usPerColumn: number;
  /** Of the terminal, with the names of the lanes. */
  readonly columns: number;
}

export interface Strip extends Span {
  readonly lines: readonly string[];
}

/** What is drawn again and again. */
export interface Drawable {
  readonly pulses: readonly Pulse[];
  readonly bytes: readonly RecordedByte[];
  readonly refusals: ReadonlySet<Pulse>;
  /** The signal that is a 1. */
  readonly one: string;
}

export function drawable({ pulses, info }: Recording): Drawable {
  return {
    pulses,
    bytes: bytesOf(pulses),
    refusals: refusalsOf(pulses),
    one: info.get('one') ?? 'usr2',
  };
}

/** A scale at which the bits can be told apart; µs a column: 1, 2 or 5 times a power of ten. */
export function usualScale(pulses: readonly Pulse[]): number {
  const wanted = Math.max(1, usualGap(pulses) / BIT_COLUMNS);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const digit = wanted / power;
  return power * (digit < 2 ? 1 : digit < 5 ? 2 : 5);
}

/**
 * The next strips, each where the one before has ended; where nothing happens for longer than a strip, the next one
 * begins at the next signal.
 */
export function* strips(picture: Drawable, window: Window): Generator<Strip> {
  const width = Math.max(MIN_COLUMNS, window.columns) - LABEL_COLUMNS;
  const span = width * window.usPerColumn;
  for (const part of spans(picture.pulses, window.from, span, window.usPerColumn)) {
    yield { ...part, lines: strip(picture, part, window.usPerColumn, width) };
  }
}

/** The whole recording, for a pipe. */
export function wholeText(recording: Recording, columns: number, scale?: number): string[] {
  const usPerColumn = scale ?? usualScale(recording.pulses);
  const picture = drawable(recording);
  const lines = [`${titleOf(recording)}; 1 column is ${timeText(usPerColumn)}`, ''];
  let end = 0;
  for (const { lines: some, from, to } of strips(picture, { from: 0, usPerColumn, columns })) {
    if (from > end) lines.push(`  … nothing for ${timeText(from - end)} …`, '');
    lines.push(...some, '');
    end = to;
  }
  return lines;
}

function strip(
  { pulses, bytes, refusals, one }: Drawable,
  { from, begin, end }: Span,
  usPerColumn: number,
  width: number,
): string[] {
  const column = (at: number) => Math.floor((at - from) / usPerColumn);
  const some = pulses.slice(begin, end);
  const lane = (wanted: (pulse: Pulse) => boolean) => {
    const cells: string[] = Array(width).fill('▁');
    for (const pulse of some) {
      if (!wanted(pulse)) continue;
      const at = column(pulse.at);
      const mark = cells[at] === '▁' ? '█' : '▓';
      cells[at] = refusals.has(pulse) ? chalk.red(mark) : mark;
    }
    return cells.join('');
  };
  const ofBit = (signal: number) =>
    lane((pulse) => pulse.kind === 'bit' && pulse.signal === signal);
  const ofEcho = (signal: number) =>
    lane((pulse) => pulse.kind !== 'bit' && pulse.signal === signal);
  const [first, second] = one === 'usr1' ? ['1', '0'] : ['0', '1'];
  return [
    label('byte') + chalk.bold(bytesRow(bytes, from, usPerColumn, width)),
    label('bit') + bitsRow(some, column, width, one),
    label(`USR1 ${first}`) + chalk.cyan(ofBit(0)),
    label(`USR2 ${second}`) + chalk.yellow(ofBit(1)),
    label('echo 1') + chalk.green(ofEcho(0)),
    label('echo 2') + chalk.green(ofEcho(1)),
    label('') + chalk.dim(axis(from, usPerColumn, width)),
  ];
}

function label(text: string): string {
  return text.padEnd(LABEL_COLUMNS);
}

function bitsRow(
  pulses: readonly Pulse[],
  column: (at: number) => number,
  width: number,
  one: string,
): string {
  const cells: string[] = Array(width).fill(' ');
  for (const { kind, at, signal, position } of pulses) {
    if (kind !== 'bit') continue;
    const value = one === 'usr1' ? 1 - signal : signal;
    const cell = column(at);
    cells[cell] = cells[cell] !== ' ' ? '+' : position === undefined ? '?' : String(value);
  }
  return cells.join('');
}

/** Each byte over its bits: `├── 'h' ──┤`. */
function bytesRow(
  bytes: readonly RecordedByte[],
  from: number,
  usPerColumn: number,
  width: number,
): string {
  const cells: string[] = Array(width).fill(' ');
  const first = firstNot(bytes, ({ to }) => to < from);
  for (let n = first; n < bytes.length; n++) {
    const byte = bytes[n] as RecordedByte;
    const left = Math.floor((byte.from - from) / usPerColumn);
    const right = Math.floor((byte.to - from) / usPerColumn);
    if (left >= width) break;
    const name = byteName(byte.value);
    const isWide = right - left >= name.length + 1;
    for (let at = Math.max(0, left); at <= Math.min(right, width - 1); at++) {
      cells[at] = at === left ? '├' : at === right ? '┤' : '─';
    }
    // In the middle of what is to be seen of it.
    const [start, stop] = [Math.max(0, left + 1), Math.min(right, width)];
    const middle = Math.floor((start + stop - name.length) / 2);
    if (!isWide) cells[Math.max(0, left)] = name.replaceAll("'", '')[0] ?? '·';
    else if (stop - start >= name.length)
      [...name].forEach((character, at) => {
        cells[middle + at] = character;
      });
  }
  return cells.join('').slice(0, width);
}

function axis(from: number, usPerColumn: number, width: number): string {
  let row = '';
  while (row.length < width) {
    const text = `├ ${timeText(from + row.length * usPerColumn)} `;
    const left = width - row.length;
    row +=
      columnsOf(text) > left ? '─'.repeat(left) : text.padEnd(Math.min(TICK_COLUMNS, left), '─');
  }
  return row;
}
