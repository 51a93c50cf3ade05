/** The parsers of the command line: text forms of the kinds that the library checks, too. @throws OptionError */
import { groupName, queueOrGroup } from '../options/groups.ts';
import { fsync, header, queueName } from '../options/kinds.ts';
import { wholeNumber } from '../options/numbers.ts';
import { messageSize, pause, storeSize, wait } from '../options/values.ts';
import { type QueueChoice, queueChoices } from '../options/weights.ts';
import type { Headers } from '../queue/message.ts';

/** `500ms`, `2s`, `1h30m`, `30d` to milliseconds; not zero. */
export const parseDuration = wait.parse;
/** Like {@link parseDuration}; `0s` means at once. */
export const parsePause = pause.parse;
/** A queue's name. */
export const parseQueue = queueName.parse;
/** The name of a queue, or of a group with its queue. */
export const parseQueueOrGroup = queueOrGroup.parse;
/** The name of a group, without its queue. */
export const parseGroup = groupName.parse;
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

/** One queue, or several separated by commas, each with its weight if it has one, after those that came before. */
export function parseChoices(
  text: string,
  before: readonly QueueChoice[] = [],
): readonly QueueChoice[] {
  const choices = [...before, ...queueChoices.parse(text)];
  queueChoices.check(choices);
  return choices;
}

/** A whole number. */
export const parseCount = (min: number, max: number) => wholeNumber(min, max).parse;
