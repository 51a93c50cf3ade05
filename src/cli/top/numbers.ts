import { ageText } from '../age.ts';

const UNITS = ['', 'k', 'M', 'G', 'T'];

/** A number in at most five characters: `0`, `3.2`, `999`, `12.3k`; `-`: not known. */
export function short(value: number | undefined): string {
  if (value === undefined) return '-';
  let scaled = value;
  let unit = 0;
  while (scaled >= 999.5 && unit < UNITS.length - 1) {
    scaled /= 1000;
    unit++;
  }
  const isWhole = Number.isInteger(scaled) || scaled >= 99.95;
  return (isWhole ? scaled.toFixed(0) : scaled.toFixed(1)) + UNITS[unit];
}

/** A duration in at most eight characters, up to 27 years. */
export function age(ms: number): string {
  return ageText(ms).replace(' ', '');
}

/** Eight heights, or fewer where a terminal has only ASCII. */
const BARS = { unicode: '▁▂▃▄▅▆▇█', ascii: '_.-=oO#@' };
export type Glyphs = keyof typeof BARS;

/** The last values as bars; the highest is that of the largest among them. */
export function sparkline(values: readonly number[], width: number, glyphs: Glyphs): string {
  if (width <= 0) return '';
  const bars = BARS[glyphs];
  const shown = values.slice(-width);
  const most = Math.max(...shown, 0);
  const bar = (value: number) => {
    const height = most === 0 ? 0 : Math.ceil((value / most) * (bars.length - 1));
    return bars[Math.max(height, 0)] ?? ' ';
  };
  return shown.map(bar).join('').padStart(width);
}

/** What the locale says (setlocale(3)). */
export function glyphsOf({ LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv): Glyphs {
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '') ? 'unicode' : 'ascii';
}
