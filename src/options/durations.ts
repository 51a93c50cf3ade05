import { optionErrors } from './errors.ts';
import type { TextKind } from './kind.ts';

/** 100 years: no clock or store overflows when this is added to a time; ms. */
export const MAX_DURATION_MS = 100 * 366 * 24 * 3_600_000;

/** In the order in which they follow each other in a text; ms. */
const UNITS = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;
/** Nobody means a duration with a longer number. */
const NUMBER = String.raw`\d{1,15}(?:\.\d{1,15})?`;
const TEXT = new RegExp(`^${UNITS.map(([unit]) => `(?:(${NUMBER})${unit})?`).join('')}$`);

/**
 * Milliseconds; as text `500ms`, `2s`, `1h30m`, `30d`, rounded up to whole ones. The package `ms` takes only one
 * unit, and those that take several also accept much else (`1 hour and a bit`), so the pattern would be needed
 * anyway.
 * @param zero whether zero is allowed
 */
export function duration({ zero = false } = {}): TextKind<number> {
  const check = (value: unknown, given: unknown) => {
    if (typeof value !== 'number' || !(value >= 0)) throw optionErrors.badDuration(given);
    if (value === 0 && !zero) throw optionErrors.tooShort(given);
    if (value > MAX_DURATION_MS) throw optionErrors.tooLong(given);
  };
  return {
    parse(text) {
      const value = millisecondsOf(text);
      check(value, text);
      return value;
    },
    check: (value) => check(value, value),
  };
}

/** NaN: it is not a duration. */
function millisecondsOf(text: string): number {
  const match = TEXT.exec(text);
  if (!match || text === '') return Number.NaN;
  const sum = UNITS.reduce((ms, [, unit], at) => ms + Number(match[at + 1] ?? 0) * unit, 0);
  // The rounding error of a sum of fractions should not count as a millisecond.
  return Math.ceil(Number(sum.toFixed(3)));
}

/** As {@link duration} reads it: 90,000 as `1m30s`. @param ms a whole number */
export function durationText(ms: number): string {
  let left = ms;
  const parts = UNITS.map(([unit, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return count > 0 ? `${count}${unit}` : '';
  });
  return parts.join('') || '0s';
}
