import { optionErrors } from './errors.ts';
import { keptText } from './kind.ts';

const UNITS = { s: 1000, m: 60_000, h: 3_600_000 } as const;
const TEXT = /^([1-9]\d{0,8})\/([smh])$/;

/** So many in so much time. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/** `10/s`, `100/m`, `1000/h`; kept as it is written. */
export const rate = keptText((value) => {
  if (typeof value !== 'string' || !TEXT.test(value)) throw optionErrors.badRate(value);
});

/** Of a text that {@link rate} takes. */
export function rateOf(text: string): Rate {
  const [, count, unit] = TEXT.exec(text) ?? [];
  return { count: Number(count), perMs: UNITS[unit as keyof typeof UNITS] };
}
