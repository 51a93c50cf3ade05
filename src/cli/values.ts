import ms, { type StringValue } from 'ms';
import { cliErrors } from './errors.ts';

/** setTimeout takes no more: 2^31-1 ms, some 24 days. */
const MAX_DURATION_MS = 0x7fff_ffff;
/** What a consumer takes at most, with room to spare. */
const MAX_SIZE = 32 << 20;

/** `500ms`, `2s`, `5m`, `1h` to milliseconds. @throws SigmqError bad-duration */
export function parseDuration(text: string): number {
  const value = /^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text) ? ms(text as StringValue) : Number.NaN;
  if (!(value > 0 && value <= MAX_DURATION_MS)) throw cliErrors.badDuration(text);
  return value;
}

/** `65536`, `64K`, `1M` to bytes; at most 32 MiB. @throws SigmqError bad-size */
export function parseSize(text: string): number {
  const match = /^(\d{1,9})([KM]?)$/i.exec(text);
  const unit = { '': 1, K: 1024, M: 1024 * 1024 }[(match?.[2] ?? '').toUpperCase()] ?? 0;
  const size = Number(match?.[1]) * unit;
  if (!(size > 0 && size <= MAX_SIZE)) throw cliErrors.badSize(text);
  return size;
}
