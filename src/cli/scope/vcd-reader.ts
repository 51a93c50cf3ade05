import type { Bit } from '../../codec/signal-codec.ts';
import { visible } from '../visible.ts';
import { scopeErrors } from './errors.ts';
import type { Pulse, Recording } from './recording.ts';
import { LANES, type Lane, NUMBERS, type NumberName } from './vcd.ts';

/** More signals than this are not kept: some 200 MB; a recording that long has no picture. */
const MAX_PULSES = 1 << 21;
/** Before a file has defined what it records, it may say so much else; bytes. */
const MAX_HEAD_BYTES = 1 << 20;
const UNITS: Readonly<Record<string, number>> = {
  ...{ s: 1e6, ms: 1e3, us: 1, ns: 1e-3, ps: 1e-6, fs: 1e-9 },
};
const TIMESCALE = /^(1|10|100)(s|ms|us|ns|ps|fs)$/;

type Known =
  | { readonly kind: 'lane'; readonly name: Lane }
  | { readonly kind: 'number'; readonly name: NumberName; readonly bit: number };

const BIT_OF = /^(\w+)\[(\d+)\]$/;

/** Reads a value change dump that grows, as `sigmq` writes it, or a program that has read one of those. */
export class VcdReader implements Recording {
  readonly info = new Map<string, string>();
  readonly pulses: Pulse[] = [];
  /** It has more signals than are kept. */
  isCut = false;
  /** What it records has been defined by now. */
  isDefined = false;
  readonly #path: string;
  readonly #known = new Map<string, Known>();
  readonly #numbers: Record<NumberName, number> = { byte: 0, bits: 0, peer: 0 };
  /** Words that a `$end` is still to come for. */
  #section: string[] | undefined;
  #rest = '';
  #bytes = 0;
  #usPerTick = 1;
  #at = 0;
  /** Lanes that went up at this time, whose numbers may still change. */
  #up: Lane[] = [];
  /** The name of a vector comes, which is none of ours. */
  #isVector = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Takes the next part of the file; a line that is not complete waits for its rest. @throws SigmqError not-a-recording */
  push(text: string): void {
    this.#bytes += text.length;
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) for (const word of line.split(/\s+/)) if (word) this.#take(word);
    this.#settle();
    if (this.#rest.length > MAX_HEAD_BYTES) this.#refuse('one of its lines never ends');
    if (!this.isDefined && this.#bytes > MAX_HEAD_BYTES)
      this.#refuse('it is no value change dump (VCD)');
  }

  #take(word: string): void {
    if (this.#section) this.#inSection(word);
    else if (this.#isVector) this.#isVector = false;
    else if (word.startsWith('$')) this.#begin(word);
    else if (!this.isDefined) this.#refuse('it is no value change dump (VCD)');
    else if (word.startsWith('#')) this.#setTime(word);
    else if (/^[bBrR]/.test(word)) this.#isVector = true;
    else if (/^[01xXzZ]./.test(word)) this.#setWire(word[0] as string, word.slice(1));
    else this.#refuse(`it contains ${JSON.stringify(word.slice(0, 20))}`);
  }

  #begin(word: string): void {
    // Their values are read as any others.
    if (/^\$(dumpvars|dumpall|dumpon|dumpoff|end)$/.test(word)) return;
    this.#section = [word];
  }

  #inSection(word: string): void {
    const section = this.#section as string[];
    if (word !== '$end') {
      // What comes now says nothing that is needed, and may never end.
      if (!this.isDefined) section.push(word);
      return;
    }
    this.#section = undefined;
    if (this.isDefined) return;
    const [name, ...words] = section;
    if (name === '$timescale') this.#setTimescale(words.join(''));
    else if (name === '$var') this.#define(words);
    else if (name === '$comment') this.#setInfo(words);
    else if (name === '$enddefinitions') this.#onDefined();
  }

  #setTimescale(text: string): void {
    const [, amount, unit = ''] = TIMESCALE.exec(text) ?? [];
    if (amount === undefined) this.#refuse(`its time scale is ${JSON.stringify(text)}`);
    this.#usPerTick = Number(amount) * (UNITS[unit] ?? 1);
  }

  /** The index of a bit may be a word of its own. */
  #define([, , id = '', ...words]: string[]): void {
    const name = words.join('');
    const [, number = '', bit] = BIT_OF.exec(name) ?? [];
    if ((LANES as readonly string[]).includes(name))
      this.#known.set(id, { kind: 'lane', name: name as Lane });
    else if (Object.hasOwn(NUMBERS, number))
      this.#known.set(id, { kind: 'number', name: number as NumberName, bit: Number(bit) });
  }

  #setInfo(words: readonly string[]): void {
    for (const word of words) {
      const [key = '', value] = word.split('=', 2);
      // Anybody may have written it, and it is shown on terminals.
      if (value !== undefined) this.info.set(key, visible(value));
    }
  }

  #onDefined(): void {
    const names = [...this.#known.values()].map(({ name }) => name);
    if (!names.includes('usr1') || !names.includes('usr2'))
      this.#refuse('it has no signals named usr1 and usr2');
    this.isDefined = true;
  }

  #setTime(word: string): void {
    const ticks = Number(word.slice(1));
    if (!Number.isFinite(ticks)) this.#refuse(`it contains ${JSON.stringify(word.slice(0, 20))}`);
    this.#settle();
    this.#at = Math.max(this.#at, ticks * this.#usPerTick);
  }

  #setWire(value: string, id: string): void {
    const known = this.#known.get(id);
    if (known?.kind === 'lane' && value === '1') this.#up.push(known.name);
    if (known?.kind !== 'number') return;
    const mask = 1 << known.bit;
    const rest = this.#numbers[known.name] & ~mask;
    this.#numbers[known.name] = value === '1' ? rest | mask : rest;
  }

  /** The numbers may come before or after the lanes of their time. */
  #settle(): void {
    for (const lane of this.#up) {
      if (this.pulses.length === MAX_PULSES) {
        this.isCut = true;
        break;
      }
      this.pulses.push(this.#pulseOf(lane));
    }
    this.#up = [];
  }

  #pulseOf(lane: Lane): Pulse {
    const { bits, byte, peer: pid } = this.#numbers;
    const signal: Bit = lane.endsWith('1') ? 0 : 1;
    const kind = lane.startsWith('echo') ? 'echo' : lane.startsWith('ack') ? 'ack' : 'bit';
    const place = kind === 'bit' && bits > 0 ? { position: bits - 1, byte } : {};
    return { at: this.#at, kind, signal, pid, ...place };
  }

  #refuse(why: string): never {
    throw scopeErrors.notARecording(this.#path, why);
  }
}
