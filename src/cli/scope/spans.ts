import type { Pulse } from './recording.ts';

/** A part of a recording, with the signals from `begin` up to `end`. */
export interface Span {
  /** µs. */
  readonly from: number;
  readonly to: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * The parts of so many µs in which something happens, one behind the other if they can be.
 * @param grid each that does not follow another begins at a multiple of this; µs
 */
export function* spans(
  pulses: readonly Pulse[],
  start: number,
  span: number,
  grid: number,
): Generator<Span> {
  let from = Math.max(0, start);
  let begin = indexAt(pulses, from);
  for (let first = pulses[begin]; first; first = pulses[begin]) {
    if (first.at >= from + span) {
      const aligned = first.at - (first.at % grid);
      from = aligned + span > first.at ? aligned : first.at;
    }
    const to = from + span;
    const end = indexAt(pulses, to);
    yield { from, to, begin, end };
    begin = end;
    from = to;
  }
}

/** The first signal at or after a time. */
export function indexAt(pulses: readonly Pulse[], at: number): number {
  return firstNot(pulses, (pulse) => pulse.at < at);
}

/** The index of the first item that is not so, where all that are so come before all that are not. */
export function firstNot<T>(items: readonly T[], isSo: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isSo(items[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}
