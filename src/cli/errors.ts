import { Exit, SigmqError } from '../errors.ts';

export const cliErrors = {
  noMessage: () =>
    new SigmqError(
      'no-message',
      Exit.Usage,
      'There is nothing to send.',
      'Give a message, or `-` to read it from standard input; see `sigmq send --help`.',
    ),
  twoSources: () =>
    new SigmqError(
      'two-sources',
      Exit.Usage,
      'A message and --file or --lines do not go together.',
      'Give one of them.',
    ),
  cannotRead: (path: string, cause: Error) =>
    new SigmqError(
      'cannot-read',
      Exit.BadData,
      `Cannot read ${path}: ${cause.message}.`,
      'Look at its name and its permissions.',
      cause,
    ),
  badDuration: (text: string) =>
    new SigmqError(
      'bad-duration',
      Exit.Usage,
      `"${text}" is not a duration.`,
      'Write it like 500ms, 2s, 5m or 1h.',
    ),
  badNumber: (text: string, min: number, max: number) =>
    new SigmqError(
      'bad-number',
      Exit.Usage,
      `"${text}" is no whole number from ${min} to ${max}.`,
      'Write digits only.',
    ),
  badFsync: (text: string) =>
    new SigmqError(
      'bad-fsync',
      Exit.Usage,
      `"${text}" does not say when to write to the disk.`,
      'Write always, never, or a duration like 100ms.',
    ),
  badHeader: (text: string) =>
    new SigmqError(
      'bad-header',
      Exit.Usage,
      `"${text}" is no header.`,
      'Write it like name:value.',
    ),
  badSize: (text: string, max: string) =>
    new SigmqError(
      'bad-size',
      Exit.Usage,
      `"${text}" is not a size.`,
      `Write bytes like 65536, 64K or 1M; the largest is ${max}.`,
    ),
  cannotWrite: (cause: Error) =>
    new SigmqError(
      'cannot-write',
      Exit.Unexpected,
      `Cannot write a message to standard output: ${cause.message}.`,
      'The message went back to the broker; make room and start again.',
      cause,
    ),
};
