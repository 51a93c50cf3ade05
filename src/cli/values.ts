/** The parsers of the command line: text forms of the kinds that the library checks, too. @throws OptionError */
import { fsync, header, queueName, queueNames } from '../options/kinds.ts';
import { wholeNumber } from '../options/numbers.ts';
import { messageSize, pause, storeSize, wait } from '../options/values.ts';
import type { Headers } from '../queue/store.ts';

/** `500ms`, `2s`, `1h30m`, `30d` to milliseconds; not zero. */
export const parseDuration = wait.parse;
/** Like {@link parseDuration}; `0s` means at once. */
export const parsePause = pause.parse;
/** A queue's name. */
export const parseQueue = queueName.parse;
/** `always`, `never` or a duration. */
export const parseFsync = fsync.parse;
/** Bytes of a message: `65536`, `64K`, `1M`. */
export const parseSize = messageSize.parse;
/** Bytes of a store. */
export const parseStoreSize = storeSize.parse;

/** `name:value`, after those that came before; spaces around the value are not part of it. */
export function parseHeader(text: string, before: Headers = []): Headers {
  return [...before, header.parse(text)];
}

/** One queue, or several separated by commas, after those that came before. */
export function parseQueues(text: string, before: readonly string[] = []): readonly string[] {
  const names = [...before, ...queueNames.parse(text)];
  queueNames.check(names);
  return names;
}

/** A whole number. */
export const parseCount = (min: number, max: number) => wholeNumber(min, max).parse;
