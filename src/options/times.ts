import { optionErrors } from './errors.ts';
import type { TextKind } from './kind.ts';

const TEXT =
  /^(?:(?<date>\d{4}-\d\d-\d\d)[ T])?(?<time>\d\d?:\d\d(?::\d\d)?)(?: ?(?<zone>Z|[+-]\d\d:?\d\d))?$/;

/**
 * A moment. As text: `2026-12-01 09:00` in the local time zone, with seconds if need be, and with `Z` or `+01:00` in
 * another; `09:00` alone is the next time that clocks show it.
 */
export const moment: TextKind<Date> = {
  parse(text) {
    const { date, time = '', zone } = TEXT.exec(text)?.groups ?? {};
    const at = date === undefined ? next(time, zone) : momentOf(date, time, zone);
    if (!at) throw optionErrors.badMoment(text);
    if (at.getTime() < Date.now()) throw optionErrors.past(text);
    return at;
  },
  check(value) {
    if (!(value instanceof Date) || Number.isNaN(value.getTime()))
      throw optionErrors.badMoment(value);
  },
};

/** Undefined: there is no such day, or no such time on it. */
function momentOf(date: string, time: string, zone = ''): Date | undefined {
  const [hour = '', minute, second = '00'] = time.split(':');
  const local = `${date}T${hour.padStart(2, '0')}:${minute}:${second}`;
  const at = new Date(local + zone);
  if (Number.isNaN(at.getTime())) return undefined;
  // The 30th of February is the 2nd of March to it, and clocks leave an hour out now and then.
  const isThere = (zone === '' ? localText(at) : utcText(new Date(`${local}Z`))) === local;
  return isThere ? at : undefined;
}

/** The first one from now on; the day may be another one in that zone. */
function next(time: string, zone: string | undefined): Date | undefined {
  for (const days of [-1, 0, 1, 2]) {
    const day = new Date();
    day.setDate(day.getDate() + days);
    const at = momentOf(localText(day).slice(0, 10), time, zone);
    if (at && at.getTime() >= Date.now()) return at;
  }
  return undefined;
}

function localText(at: Date): string {
  return utcText(new Date(at.getTime() - at.getTimezoneOffset() * 60_000));
}

function utcText(at: Date): string {
  return Number.isNaN(at.getTime()) ? '' : at.toISOString().slice(0, 19);
}
