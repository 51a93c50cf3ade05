import { Exit, SigmqError } from '../errors.ts';

export const cliErrors = {
  twoSources: () =>
    new SigmqError(
      'two-sources',
      Exit.Usage,
      'A message, --file, --lines and --null do not all go together.',
      'Give one source, and --lines or --null to cut it up.',
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
  noSuchMessage: (id: number, queue: string) =>
    new SigmqError(
      'no-such-message',
      Exit.Unexpected,
      `There is no dead message ${id} in queue ${queue}.`,
      'See `sigmq dead ls`.',
    ),
  needsForce: () =>
    new SigmqError(
      'needs-force',
      Exit.Usage,
      'This removes messages for ever, and there is no terminal to ask at.',
      'Give --force.',
    ),
  badConfig: (path: string, why: string) =>
    new SigmqError('bad-config', Exit.Config, `${path} ${why}.`, 'Mend it, or move it away.'),
  twoFormats: () =>
    new SigmqError(
      'two-formats',
      Exit.Usage,
      '--format, --json, --raw and --null do not go together.',
      'Give one of them.',
    ),
  badFormat: (token: string) =>
    new SigmqError(
      'bad-format',
      Exit.Usage,
      `The format has ${JSON.stringify(token)}, which means nothing.`,
      'See `sigmq consume --help`; write %% for a percent sign.',
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
