import { optionErrors } from './errors.ts';
import type { TextKind } from './kind.ts';

export function wholeNumber(min: number, max: number): TextKind<number> {
  const isOne = (value: unknown) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
  return {
    parse(text) {
      const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
      if (!isOne(value)) throw optionErrors.badNumber(text, min, max);
      return value;
    },
    check(value) {
      if (!isOne(value)) throw optionErrors.badNumber(value, min, max);
    },
  };
}

/** Bytes, from 1: `65536`, `64K`, `1M`. */
export function size(max: number): TextKind<number> {
  const isOne = (value: unknown) =>
    Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= max;
  return {
    parse(text) {
      const match = /^(\d{1,13})([KMG]?)$/i.exec(text);
      const unit = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[(match?.[2] ?? '').toUpperCase()];
      const bytes = Number(match?.[1]) * (unit ?? 0);
      if (!isOne(bytes)) throw optionErrors.badSize(text, max);
      return bytes;
    },
    check(value) {
      if (!isOne(value)) throw optionErrors.badSize(value, max);
    },
  };
}

/** From 0 to 1; as text also in percent: `0.2`, `20%`. */
export const fraction: TextKind<number> = {
  parse(text) {
    const match = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(text);
    const value = Number(match?.[1]) / (match?.[2] ? 100 : 1);
    if (!(value <= 1)) throw optionErrors.badFraction(text);
    return value;
  },
  check(value) {
    if (typeof value !== 'number' || !(value >= 0 && value <= 1))
      throw optionErrors.badFraction(value);
  },
};
