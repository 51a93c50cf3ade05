/**
 * Recordings as value change dumps (IEEE 1364-2005, section 18), which GTKWave, sigrok and others read. All variables
 * are single wires: libsigrok 0.5.2 reads nothing behind the first vector, or the first comment between values.
 */
import { Recent } from '../../recent.ts';
import { VERSION } from '../../version.ts';
import type { Info, Pulse } from './recording.ts';

/** One for each signal of a lane: it is up for 1 µs. */
export const LANES = ['usr1', 'usr2', 'echo_usr1', 'echo_usr2', 'ack_usr1', 'ack_usr2'] as const;
export type Lane = (typeof LANES)[number];

/**
 * Numbers, and how many wires each has, `byte[0]` and so on: the byte with its bits so far; how many these are (0: the
 * last signal is of none); which process is at the other end, by a number from 0 to 15 that it has in the recording.
 */
export const NUMBERS = { byte: 8, bits: 4, peer: 4 } as const;
export type NumberName = keyof typeof NUMBERS;

const NUMBER_NAMES = Object.keys(NUMBERS) as NumberName[];

/** The short names of wires: a character each. */
const laneId = (lane: Lane) => String.fromCharCode('a'.charCodeAt(0) + LANES.indexOf(lane));
const FIRST_IDS = { byte: 'A', bits: 'Q', peer: 'V' };
const bitId = (name: NumberName, bit: number) =>
  String.fromCharCode(FIRST_IDS[name].charCodeAt(0) + bit);
/** Processes that are told apart; after so many, numbers are used again. */
const MAX_PEERS = 2 ** NUMBERS.peer;

function laneOf({ kind, signal }: Pulse): Lane {
  const name = signal === 0 ? 'usr1' : 'usr2';
  return kind === 'bit' ? name : `${kind}_${name}`;
}

/** Writes a recording, a signal at a time. Returns text, and leaves it to others where it goes. */
export class VcdWriter {
  /** The time that was written last; µs. */
  #now = 0;
  /** That of the last signal; µs. */
  #last = 0;
  /** Lanes that are up, and when they fall. */
  readonly #falls = new Map<Lane, number>();
  readonly #numbers: Record<NumberName, number> = { byte: 0, bits: 0, peer: 0 };
  readonly #peers = new Recent<number, number>(MAX_PEERS);
  #peerCount = 0;

  /** What comes first. @param info goes into a comment; without spaces */
  head(info: Info, date: Date): string {
    const bits = NUMBER_NAMES.flatMap((name) =>
      Array.from({ length: NUMBERS[name] }, (_, bit) => ({ name, bit, id: bitId(name, bit) })),
    );
    const said = [...info].map(([key, value]) => `${key}=${value}`);
    return [
      `$date ${date.toISOString()} $end`,
      `$version sigmq ${VERSION} $end`,
      `$comment ${said.join(' ')} $end`,
      '$timescale 1 us $end',
      '$scope module sigmq $end',
      ...LANES.map((lane) => `$var wire 1 ${laneId(lane)} ${lane} $end`),
      ...bits.map(({ name, bit, id }) => `$var wire 1 ${id} ${name}[${bit}] $end`),
      '$upscope $end',
      '$enddefinitions $end',
      '#0',
      '$dumpvars',
      ...LANES.map((lane) => `0${laneId(lane)}`),
      ...bits.map(({ id }) => `0${id}`),
      '$end',
      '',
    ].join('\n');
  }

  /** Signals come by time. */
  add(pulse: Pulse): string {
    const lane = laneOf(pulse);
    // Each has a microsecond of its own, so that they keep their order, and a lane is down before it goes up again.
    const at = Math.max(Math.round(pulse.at), this.#last + 1, (this.#falls.get(lane) ?? 0) + 1);
    this.#last = at;
    const { kind, pid, position, byte = 0 } = pulse;
    const bits = position === undefined ? 0 : position + 1;
    const lines = [
      ...this.#fallsUntil(at),
      ...this.#time(at),
      ...this.#number('peer', this.#peerOf(pid)),
      ...(kind === 'bit' ? [...this.#number('bits', bits), ...this.#number('byte', byte)] : []),
      `1${laneId(lane)}`,
    ];
    this.#falls.set(lane, at + 1);
    return `${lines.join('\n')}\n`;
  }

  /** What is up goes down: what was written by then is a whole recording. */
  rest(): string {
    const lines = this.#fallsUntil(Number.POSITIVE_INFINITY);
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  }

  #fallsUntil(at: number): string[] {
    const due = [...this.#falls].filter(([, fall]) => fall <= at).sort(([, a], [, b]) => a - b);
    return due.flatMap(([lane, fall]) => {
      this.#falls.delete(lane);
      return [...this.#time(fall), `0${laneId(lane)}`];
    });
  }

  #time(at: number): string[] {
    if (at <= this.#now) return [];
    this.#now = at;
    return [`#${at}`];
  }

  #peerOf(pid: number): number {
    const peer = this.#peers.get(pid) ?? this.#peerCount++ % MAX_PEERS;
    this.#peers.set(pid, peer);
    return peer;
  }

  #number(name: NumberName, value: number): string[] {
    const changed = this.#numbers[name] ^ value;
    this.#numbers[name] = value;
    return Array.from({ length: NUMBERS[name] }, (_, bit) => bit)
      .filter((bit) => (changed >> bit) & 1)
      .map((bit) => `${(value >> bit) & 1}${bitId(name, bit)}`);
  }
}
