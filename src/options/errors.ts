import { inspect } from 'node:util';
import type { ErrorCode } from '../error-codes.ts';
import { Exit, SigmqError } from '../errors.ts';

/** Characters of a value that a message quotes. */
const SHOWN_CHARACTERS = 60;

/** A value that cannot be used, from the command line, the configuration file or a program. */
export class OptionError extends SigmqError {
  /** The same message, with the name of the option before it. */
  of(name: string): OptionError {
    const { code, exitCode, message, hint } = this;
    return new OptionError(code, exitCode, `${name}: ${message}`, hint);
  }
}

const usage = (code: ErrorCode, message: string, hint: string) =>
  new OptionError(code, Exit.Usage, message, hint);

const DURATION_HINT = 'Write it like 500ms, 2s, 5m, 1h30m or 30d.';

/** The messages for values that cannot be used; the same on the command line and in the library. */
export const optionErrors = {
  badNumber: (value: unknown, min: number, max: number) =>
    usage(
      'bad-number',
      `${shown(value)} is not a whole number from ${min} to ${max}.`,
      'Give one, in digits only.',
    ),
  badDuration: (value: unknown) =>
    usage(
      'bad-duration',
      `${shown(value)} is not a duration.`,
      typeof value === 'string' ? DURATION_HINT : 'Give a number of milliseconds.',
    ),
  tooShort: (value: unknown) =>
    usage('bad-duration', `${shown(value)} is too short.`, 'Give a duration longer than zero.'),
  tooLong: (value: unknown) =>
    usage('bad-duration', `${shown(value)} is too long.`, 'The longest duration is 100 years.'),
  delayNotShorter: () =>
    usage(
      'delay-over-ttl',
      'The message would expire before its delay is over: its ttl is not longer than its delay.',
      'Give a longer ttl or a shorter delay.',
    ),
  badMoment: (value: unknown) =>
    usage(
      'bad-moment',
      `${shown(value)} is not a date and time.`,
      typeof value === 'string'
        ? "Write it like '2026-12-01 09:00', 2026-12-01T09:00:00Z, or 09:00 for the next time it is nine."
        : 'Give a Date.',
    ),
  past: (value: unknown) =>
    usage('bad-moment', `${shown(value)} is in the past.`, 'Leave it out to deliver it at once.'),
  twoDelays: () =>
    usage('two-delays', 'A delay and a time to deliver at are given.', 'Give one of them.'),
  noEdit: () =>
    usage(
      'no-edit',
      'Nothing says what to change.',
      'Give at least one of queue, priority and delay.',
    ),
  badQueue: (value: unknown) =>
    usage(
      'bad-queue',
      `${shown(value)} is not a queue name.`,
      typeof value === 'string' && value.includes('@')
        ? 'A group is for consumers, which name it beside the queue (--group); what is sent to the queue is for all of its groups.'
        : 'Use 1 to 64 letters, digits, dots, dashes or underscores.',
    ),
  badGroup: (value: unknown) =>
    usage(
      'bad-group',
      `${shown(value)} is not the name of a group.`,
      'Use 1 to 64 letters, digits, dots, dashes or underscores.',
    ),
  badGroupQueue: (value: unknown) =>
    usage(
      'bad-group',
      `${shown(value)} is not the name of a group with its queue.`,
      'Write it like mail@audit.',
    ),
  badQueueOrGroup: (value: unknown) =>
    usage(
      'bad-queue',
      `${shown(value)} is not a queue name.`,
      'Use 1 to 64 letters, digits, dots, dashes or underscores; a group is named like mail@audit.',
    ),
  badWeight: (value: unknown, max: number) =>
    usage(
      'bad-weight',
      `${shown(value)} is not a weight.`,
      `Give a whole number from 1 to ${max}, as in -q mail:3.`,
    ),
  badKey: (value: unknown, max: number) =>
    usage(
      'bad-key',
      `${shown(value)} is not a key.`,
      `Use 1 to ${max} bytes of text without control characters.`,
    ),
  keyOfMany: () =>
    usage(
      'key-of-many',
      'A key is for one message: of many with the same key, only the first would be stored.',
      'Send them one by one, each with a key of its own.',
    ),
  keyTtlWithoutKey: () =>
    usage('key-ttl-without-key', 'A key ttl needs a key.', 'Give the key as well.'),
  badQueues: (value: unknown) =>
    usage(
      'bad-queue',
      `${shown(value)} is not a list of queue names.`,
      'Give an array with at least one name.',
    ),
  tooManyQueues: (count: number, max: number) =>
    usage(
      'too-many-queues',
      `${count} queues are too many: one consumer can take from at most ${max}.`,
      'Start another consumer for the rest.',
    ),
  badFsync: (value: unknown) =>
    usage(
      'bad-fsync',
      `${shown(value)} does not say when to write to the disk.`,
      typeof value === 'string'
        ? 'Write always, never, or a duration like 100ms.'
        : "Give 'always', 'never' or a number of milliseconds.",
    ),
  badHeader: (value: unknown) =>
    usage(
      'bad-header',
      `${shown(value)} is not a header.`,
      typeof value === 'string'
        ? 'Write it like name:value; a name has no spaces.'
        : "Give a pair like ['name', 'value']; a name has 1 to 128 ASCII characters, no space or colon.",
    ),
  badSize: (value: unknown, max: number) =>
    usage(
      'bad-size',
      `${shown(value)} is not a size.`,
      typeof value === 'string'
        ? `Write bytes like 65536, 64K or 1M; the largest is ${sizeText(max)}.`
        : `Give a whole number of bytes, at most ${max}.`,
    ),
  badFraction: (value: unknown) =>
    usage(
      'bad-number',
      `${shown(value)} is not a part of something.`,
      'Give a number from 0 to 1, or as text a percentage like 20%.',
    ),
  badRate: (value: unknown) =>
    usage(
      'bad-rate',
      `${shown(value)} is not a rate.`,
      'Write it like 10/s, 100/m or 1000/h: a whole number per second, minute or hour.',
    ),
  noSetting: (name: string) =>
    usage(
      'bad-option',
      `A queue has no setting ${shown(name)}.`,
      'See `sigmq queue set --help`; the broker may be of another version.',
    ),
  noChange: () => usage('no-edit', 'Nothing says what to set.', 'Give at least one setting.'),
  deadToItself: (queue: string) =>
    usage(
      'dead-loop',
      `Messages of queue ${queue} that die cannot go on to the same queue.`,
      'Name another one.',
    ),
  /** @param way names of queues, each sending its dead messages to the next */
  deadLoop: (way: readonly string[]) =>
    usage(
      'dead-loop',
      `Messages that die would go round in circles: ${way.join(' to ')}.`,
      'Name a queue that does not lead back there.',
    ),
  badPath: (value: unknown) =>
    usage('bad-path', `${shown(value)} is not a path.`, 'Give the name of a file or folder.'),
  badStoreUrl: () =>
    usage(
      'bad-store-url',
      'It is not a URL that begins with postgres://.',
      'Write it like postgres://user@host/database?schema=sigmq.',
    ),
  /** @param wanted with its article */
  badOption: (value: unknown, wanted: string) =>
    usage('bad-option', `${shown(value)} is not ${wanted}.`, `Give ${wanted}.`),
  badBody: (value: unknown) =>
    new OptionError(
      'bad-body',
      Exit.BadData,
      `${shown(value)} is not the body of a message.`,
      'Give a string or a Uint8Array.',
    ),
  badText: () =>
    new OptionError(
      'bad-body',
      Exit.BadData,
      'The message is not well-formed Unicode: it has half of a surrogate pair.',
      'Give its bytes as a Uint8Array.',
    ),
  badBodies: (value: unknown) =>
    new OptionError(
      'bad-body',
      Exit.BadData,
      `${shown(value)} is not a list of messages.`,
      'Give an array of them, or use send() for one.',
    ),
};

/** How a message quotes a value. */
function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY });
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

/** 33554432 as `32M`. */
export function sizeText(bytes: number): string {
  const units = ['', 'K', 'M', 'G'] as const;
  let size = bytes;
  let unit = 0;
  while (size > 0 && size % 1024 === 0 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size}${units[unit]}`;
}
