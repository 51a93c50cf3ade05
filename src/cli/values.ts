import ms, { type StringValue } from 'ms';
import { producerErrors } from '../client/errors.ts';
import type { Fsync } from '../queue/open-store.ts';
import { isQueueName } from '../queue/queue-name.ts';
import { cliErrors } from './errors.ts';

/** setTimeout takes no more: 2^31-1 ms, some 24 days. */
const MAX_DURATION_MS = 0x7fff_ffff;
/** What a consumer takes at most, with room to spare. */
const MAX_MESSAGE_BYTES = 32 << 20;
/** A store of this size is SQLite's own limit by far not, but more than anybody keeps here. */
const MAX_STORE_BYTES = 2 ** 40;

/** `500ms`, `2s`, `5m`, `1h` to milliseconds. @throws SigmqError bad-duration */
export function parseDuration(text: string): number {
  const value = /^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text) ? ms(text as StringValue) : Number.NaN;
  if (!(value > 0 && value <= MAX_DURATION_MS)) throw cliErrors.badDuration(text);
  return value;
}

/** A queue's name. @throws SigmqError bad-queue */
export function parseQueue(text: string): string {
  if (!isQueueName(text)) throw producerErrors.badQueue(text);
  return text;
}

/** One queue, or several between commas. @throws SigmqError bad-queue */
export function parseQueues(text: string): string[] {
  return text.split(',').map(parseQueue);
}

/** A whole number. @throws SigmqError bad-number */
export function parseCount(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw cliErrors.badNumber(text, min, max);
    return value;
  };
}

/** `always`, `never` or a duration. @throws SigmqError bad-fsync */
export function parseFsync(text: string): Fsync {
  if (text === 'always' || text === 'never') return text;
  try {
    return parseDuration(text);
  } catch {
    throw cliErrors.badFsync(text);
  }
}

/** `name:value`; what surrounds the value in space does not belong to it. @throws SigmqError bad-header */
export function parseHeader(text: string): [readonly [string, string]] {
  const match = /^([!-9;-~]{1,128}):\s*(.*?)\s*$/s.exec(text);
  if (!match?.[1] || match[2] === undefined || match[2].includes('\0')) {
    throw cliErrors.badHeader(text);
  }
  return [[match[1], match[2]]];
}

/** Bytes of a message: `65536`, `64K`, `1M`; at most 32 MiB. @throws SigmqError bad-size */
export const parseSize = sizeUpTo(MAX_MESSAGE_BYTES, '32M');
/** Bytes of a store: at most 1 TiB. @throws SigmqError bad-size */
export const parseStoreSize = sizeUpTo(MAX_STORE_BYTES, '1024G');

function sizeUpTo(max: number, maxText: string): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,13})([KMG]?)$/i.exec(text);
    const unit = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[(match?.[2] ?? '').toUpperCase()];
    const size = Number(match?.[1]) * (unit ?? 0);
    if (!(size > 0 && size <= max)) throw cliErrors.badSize(text, maxText);
    return size;
  };
}
