import type { Bit } from '../../codec/signal-codec.ts';

/** A signal of a recording. */
export interface Pulse {
  /** µs since the beginning. */
  readonly at: number;
  /**
   * `bit`: of a message; `echo`: its answer under the echo protocol, the same signal unless it is a refusal; `ack`: an
   * answer of a plain peer, which means whatever that wants.
   */
  readonly kind: 'bit' | 'echo' | 'ack';
  /** 0 is SIGUSR1, 1 is SIGUSR2. */
  readonly signal: Bit;
  /** The process at the other end: its PID, or, when it is read from a file, its number in that. */
  readonly pid: number;
  /** Which bit of its byte it is, by time, 0 to 7; absent: of none. */
  readonly position?: number;
  /** The byte with all of its bits so far, in the coding of its sender. */
  readonly byte?: number;
}

/** What is known of a recording besides its signals: `key=value` in its comment. */
export type Info = ReadonlyMap<string, string>;

export interface Recording {
  readonly info: Info;
  /** By time. */
  readonly pulses: readonly Pulse[];
  /** It had more signals than are kept. */
  readonly isCut?: boolean;
}

/** A byte of a recording: from its first bit to its last one; µs. */
export interface RecordedByte {
  readonly from: number;
  readonly to: number;
  readonly value: number;
}

/** The bytes that are whole. Those of several senders at a time may overlap. */
export function bytesOf(pulses: readonly Pulse[]): RecordedByte[] {
  const begun = new Map<number, number>();
  const bytes: RecordedByte[] = [];
  for (const { at, pid, position, byte = 0 } of pulses) {
    if (position === 0) begun.set(pid, at);
    const from = begun.get(pid);
    if (position !== 7 || from === undefined) continue;
    bytes.push({ from, to: at, value: byte });
    begun.delete(pid);
  }
  return bytes;
}

/** How a byte is written where there is room for a few characters. */
export function byteName(value: number): string {
  if (value === 0) return 'end';
  const isPrintable = value > 0x20 && value < 0x7f;
  return isPrintable ? `'${String.fromCharCode(value)}'` : value.toString(16).padStart(2, '0');
}

/** Whether an answer is not the signal that it answers: that is a refusal. */
export function refusalsOf(pulses: readonly Pulse[]): ReadonlySet<Pulse> {
  /** A bit that belongs to no byte is a question, to which any answer is right. */
  const last = new Map<number, Bit | undefined>();
  const refusals = new Set<Pulse>();
  for (const pulse of pulses) {
    const { kind, pid, signal, position } = pulse;
    if (kind === 'bit') last.set(pid, position === undefined ? undefined : signal);
    else if (kind === 'echo' && (last.get(pid) ?? signal) !== signal) refusals.add(pulse);
  }
  return refusals;
}

/** µs as people write them: `12 µs`, `1.25 ms`, `3.2 s`. */
export function timeText(us: number): string {
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1e6) return `${trimmed(us / 1000)} ms`;
  return `${trimmed(us / 1e6)} s`;
}

function trimmed(value: number): string {
  return value.toFixed(3).replace(/\.?0+$/, '');
}

/** The usual time between two bits, by which a picture is scaled; µs. */
export function usualGap(pulses: readonly Pulse[]): number {
  const times = pulses.filter(({ kind }) => kind === 'bit').map(({ at }) => at);
  const gaps = times.slice(1).map((at, n) => at - (times[n] as number));
  gaps.sort((a, b) => a - b);
  return Math.max(1, gaps[gaps.length >> 1] ?? 1);
}

/** What a recording is, in a line. */
export function titleOf({ info, pulses, isCut = false }: Recording): string {
  const last = pulses.at(-1)?.at ?? 0;
  const whose = info.get('by') === 'listen' ? `to process ${info.get('pid')}` : sentBy(info);
  return `${isCut ? 'the first ' : ''}${pulses.length} signals ${whose} in ${timeText(last)}`;
}

function sentBy(info: Recording['info']): string {
  return info.has('pid') ? `of process ${info.get('pid')}` : 'recorded';
}
