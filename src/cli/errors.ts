import type { ErrorCode } from '../error-codes.ts';
import { Exit, SigmqError } from '../errors.ts';

/** What only the command line can be told; its codes are not for programs. */
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
      'A message, --file, --lines and --null do not all go together.',
      'Give one source, and --lines or --null to cut it up.',
    ),
  cannotRead: (path: string, cause: Error) =>
    new CliError(
      'cannot-read',
      Exit.BadData,
      `Cannot read ${path}: ${cause.message}.`,
      'Look at its name and its permissions.',
      cause,
    ),
  notUtf8: (what: string) =>
    new CliError(
      'not-utf8',
      Exit.BadData,
      `${what} has bytes that are not UTF-8, and would arrive changed.`,
      'A message with such bytes goes through standard input: sigmq send - <file; name everything else in UTF-8.',
    ),
  unsettled: (count: number) =>
    new CliError(
      'unsettled',
      Exit.TryAgain,
      `The broker has not heard of the end of ${count} message${count === 1 ? '' : 's'}.`,
      'They will come again, here or elsewhere.',
    ),
  noStdout: () =>
    new CliError(
      'no-stdout',
      Exit.Unexpected,
      'Standard output is closed: nobody would see the messages, so none was taken.',
      'Open it, or write >/dev/null if they are not wanted.',
    ),
  formatOfCommand: (option: string) =>
    new CliError(
      'format-of-command',
      Exit.Usage,
      `${option} says how to print a message, and a command gets it on its standard input instead.`,
      'Leave the option out, or the command.',
    ),
  timeoutOfNothing: () =>
    new CliError(
      'timeout-of-nothing',
      Exit.Usage,
      '--job-timeout is for a command, and none is given.',
      'Give a command behind --, or leave the option out.',
    ),
  noSuchMessages: (ids: readonly number[], queue: string) =>
    new CliError(
      'no-such-message',
      Exit.BadData,
      ids.length === 1
        ? `There is no dead message ${ids[0]} in queue ${queue}.`
        : `There are no dead messages ${ids.join(', ')} in queue ${queue}.`,
      'See `sigmq dead ls`, and `--queue`.',
    ),
  wentAway: (id: number, queue: string) =>
    new CliError(
      'went-away',
      Exit.BadData,
      `Message ${id} of queue ${queue} went away before all of it was read.`,
      'See `sigmq dead ls`.',
    ),
  nothingToCopy: () =>
    new CliError(
      'nothing-to-copy',
      Exit.Unavailable,
      'The broker keeps its messages in memory: there is no file that could be copied.',
      'Start it without --memory to keep them on the disk.',
    ),
  noStore: (path: string) =>
    new CliError(
      'no-store',
      Exit.Unavailable,
      `There is no store ${path}, and no broker runs.`,
      'Name its folder with --data, or the runtime directory with --dir.',
    ),
  needsForce: () =>
    new CliError(
      'needs-force',
      Exit.Usage,
      'This removes messages for ever, and there is no terminal to ask at.',
      'Give --force.',
    ),
  badConfig: (path: string, why: string) =>
    new CliError('bad-config', Exit.Config, `${path} ${why}.`, 'Fix it or move it out of the way.'),
  twoFormats: () =>
    new CliError(
      'two-formats',
      Exit.Usage,
      '--format, --json, --raw and --null do not go together.',
      'Give one of them.',
    ),
  badFormat: (token: string) =>
    new CliError(
      'bad-format',
      Exit.Usage,
      `The format has ${JSON.stringify(token)}, which means nothing.`,
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
