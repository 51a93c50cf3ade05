import type { ErrorCode } from '../error-codes.ts';
import { Exit, SigmqError } from '../errors.ts';

/** Errors that only the command line can cause; their codes are not meant for programs. */
export class CliError extends SigmqError {
  constructor(code: string, exitCode: number, message: string, hint: string, cause?: unknown) {
    super(code as ErrorCode, exitCode, message, hint, cause);
  }
}

export const cliErrors = {
  twoSources: () =>
    new CliError(
      'two-sources',
      Exit.Usage,
      'A message, --file, --lines and --null cannot all be combined.',
      'Give one source, and --lines or --null to split it.',
    ),
  cannotRead: (path: string, cause: Error) =>
    new CliError(
      'cannot-read',
      Exit.BadData,
      `Cannot read ${path}: ${cause.message}.`,
      'Check its name and its permissions.',
      cause,
    ),
  notUtf8: (what: string) =>
    new CliError(
      'not-utf8',
      Exit.BadData,
      `${what} contains bytes that are not UTF-8 and would arrive changed.`,
      'Send such a message through standard input: sigmq send - <file; write everything else in UTF-8.',
    ),
  unsettled: (count: number) =>
    new CliError(
      'unsettled',
      Exit.TryAgain,
      `The broker was not told how ${count} message${count === 1 ? '' : 's'} ended.`,
      'They will be delivered again, here or elsewhere.',
    ),
  noStdout: () =>
    new CliError(
      'no-stdout',
      Exit.Unexpected,
      'Standard output is closed: nobody would see the messages, so none was taken.',
      'Open it, or add >/dev/null if you do not want them.',
    ),
  formatOfCommand: (option: string) =>
    new CliError(
      'format-of-command',
      Exit.Usage,
      `${option} says how to print messages, but a command gets them on its standard input instead.`,
      'Leave out the option or the command.',
    ),
  keyOfMany: () =>
    new CliError(
      'key-of-many',
      Exit.Usage,
      '--key is for one message: of many with the same key, only the first would be stored.',
      'Send them one by one, each with a key of its own.',
    ),
  ofBrokers: (option: string) =>
    new CliError(
      'of-brokers',
      Exit.Usage,
      `${option} is for a broker, and --pid sends to a process, which knows nothing but the message.`,
      'Leave out one of them.',
    ),
  ofProcesses: (option: string) =>
    new CliError(
      'of-processes',
      Exit.Usage,
      `${option} says how a plain process is sent to, and --pid does not say which.`,
      'Give --pid, or leave it out.',
    ),
  acksNeedAddon: (why: string) =>
    new CliError(
      'acks-need-addon',
      Exit.Unavailable,
      `Nobody can be answered here, because it is not known who sends: ${why}.`,
      'Leave out --ack-bit and --ack-message.',
    ),
  needsCommand: (option: string) =>
    new CliError(
      'needs-command',
      Exit.Usage,
      `${option} needs a command, and none is given.`,
      'Give a command after --, or leave the option out.',
    ),
  needsBatch: (option: string) =>
    new CliError(
      'needs-batch',
      Exit.Usage,
      `${option} is for batches, and there are none.`,
      'Give --batch as well, or leave the option out.',
    ),
  replyOfBatch: () =>
    new CliError(
      'no-such-batch',
      Exit.Usage,
      '--reply and --batch cannot be combined: a batch has one output, and many who ask.',
      'Leave one of them out.',
    ),
  batchTooLarge: (max: number) =>
    new CliError(
      'no-such-batch',
      Exit.Usage,
      `--batch times --jobs is more than ${max}, which is how many messages a consumer can have in hand.`,
      'Make one of them smaller.',
    ),
  lingerTooLong: () =>
    new CliError(
      'no-such-batch',
      Exit.Usage,
      '--linger is not shorter than --ack-wait, which begins when a message arrives: it would go to others before the command begins.',
      'Make the ack-wait as long as --linger and the command may take together.',
    ),
  metricsNotAFile: (path: string) =>
    new CliError(
      'metrics-not-a-file',
      Exit.CannotCreate,
      `${path} exists, and is not a regular file.`,
      'Name another file with --metrics-file; `sigmq metrics` prints the numbers.',
    ),
  noMetricsFile: (path: string, cause: Error) =>
    new CliError(
      'no-metrics-file',
      Exit.CannotCreate,
      `The numbers cannot be written to ${path}: ${cause.message}.`,
      'Make room, or name another file with --metrics-file.',
      cause,
    ),
  metricsShared: (path: string, dir: string | undefined) =>
    new CliError(
      'metrics-shared',
      Exit.Config,
      `${dir === undefined ? 'Somebody else' : `The broker of ${dir}`} writes to ${path}, too.`,
      'Give each broker a file of its own with --metrics-file.',
    ),
  badConfig: (path: string, why: string) =>
    new CliError('bad-config', Exit.Config, `${path} ${why}.`, 'Fix it or move it out of the way.'),
  twoFormats: () =>
    new CliError(
      'two-formats',
      Exit.Usage,
      '--format, --json, --raw and --null cannot be combined.',
      'Give one of them.',
    ),
  badFormat: (token: string) =>
    new CliError(
      'bad-format',
      Exit.Usage,
      `The format contains ${JSON.stringify(token)}, which has no meaning.`,
      'See `sigmq consume --help`; write %% for a percent sign.',
    ),
  cannotWrite: (cause: Error) =>
    new CliError(
      'cannot-write',
      Exit.Unexpected,
      `Cannot write a message to standard output: ${cause.message}.`,
      'The message went back to the broker; make room and start again.',
      cause,
    ),
};
