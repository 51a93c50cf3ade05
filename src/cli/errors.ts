import type { ErrorCode } from '../error-codes.ts';
import { Exit, SigmqError } from '../errors.ts';
import type { Changed } from '../queue/inspection.ts';

/** Errors that only the command line can cause; their codes are not meant for programs. */
export class CliError extends SigmqError {
  constructor(code: string, exitCode: number, message: string, hint: string, cause?: unknown) {
    super(code as ErrorCode, exitCode, message, hint, cause);
  }
}

const WHY_NOT: Record<Changed, { message(ids: readonly number[]): string; hint: string }> = {
  done: { message: () => '', hint: '' },
  missing: {
    message: (ids) =>
      ids.length === 1
        ? `There is no message ${ids[0]}.`
        : `There are no messages ${ids.join(', ')}.`,
    hint: 'See `sigmq ls` and `sigmq peek`.',
  },
  held: {
    message: (ids) => `${named(ids, 'is', 'are')} with a consumer.`,
    hint: 'Stop the consumer: what it has not settled becomes ready again.',
  },
  dead: {
    message: (ids) => `${named(ids, 'is', 'are')} dead.`,
    hint: 'Bring it back first, with `sigmq dead kick`.',
  },
  duplicate: {
    message: (ids) =>
      `${named(ids, 'has a key', 'have keys')} that the other queue has a message with already.`,
    hint: 'Wait until that one is done.',
  },
  expires: {
    message: (ids) => `${named(ids, 'would expire', 'would expire')} before the delay is over.`,
    hint: 'Give a shorter delay.',
  },
};

function named(ids: readonly number[], one: string, many: string): string {
  return ids.length === 1 ? `Message ${ids[0]} ${one}` : `Messages ${ids.join(', ')} ${many}`;
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
  notARecording: (path: string, why: string) =>
    new CliError(
      'not-a-recording',
      Exit.BadData,
      `${path} is no recording: ${why}.`,
      'Record one with `sigmq send --vcd FILE` or `sigmq listen --vcd FILE`.',
    ),
  sameFile: (path: string) =>
    new CliError(
      'same-file',
      Exit.Usage,
      `${path} would be both the recording and its picture.`,
      'Give the picture a name of its own.',
    ),
  cannotRecord: (path: string, cause: unknown) =>
    new CliError(
      'cannot-record',
      Exit.CannotCreate,
      `Cannot write ${path}: ${(cause as Error).message}.`,
      'Name a file that can be written.',
      cause,
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
  noSuchMessages: (ids: readonly number[], queue: string) =>
    new CliError(
      'no-such-message',
      Exit.BadData,
      ids.length === 1
        ? `There is no dead message ${ids[0]} in queue ${queue}.`
        : `There are no dead messages ${ids.join(', ')} in queue ${queue}.`,
      'See `sigmq dead ls`, and `--queue`.',
    ),
  /** @param failed what was to be removed, changed or shown, and what it is instead */
  notDone: (failed: readonly (readonly [id: number, why: Changed])[]) => {
    const reasons = [...new Set(failed.map(([, why]) => why))];
    const ids = (why: Changed) => failed.filter(([, is]) => is === why).map(([id]) => id);
    return new CliError(
      'not-done',
      reasons.every((why) => why === 'held') ? Exit.TryAgain : Exit.BadData,
      reasons.map((why) => WHY_NOT[why].message(ids(why))).join(' '),
      reasons.map((why) => WHY_NOT[why].hint).join(' '),
    );
  },
  setsNothing: () =>
    new CliError(
      'sets-nothing',
      Exit.Usage,
      'Nothing says what to set.',
      'Give at least one setting: see `sigmq queue set --help`.',
    ),
  editsNothing: () =>
    new CliError(
      'edits-nothing',
      Exit.Usage,
      'Nothing says what to change.',
      'Give --queue, --priority or --delay.',
    ),
  wentAway: (id: number, queue: string) =>
    new CliError(
      'went-away',
      Exit.BadData,
      `Message ${id} of queue ${queue} was removed before all of it had been read.`,
      'See `sigmq dead ls`.',
    ),
  nothingToCopy: () =>
    new CliError(
      'nothing-to-copy',
      Exit.Unavailable,
      'The broker keeps its messages in memory: there is no file to copy.',
      'Start it without --memory to keep them on disk.',
    ),
  useExport: () =>
    new CliError(
      'use-export',
      Exit.Usage,
      'The messages are in PostgreSQL: there is no file to copy.',
      'Use `sigmq export FILE`, or the means of the database.',
    ),
  inMemory: () =>
    new CliError(
      'in-memory',
      Exit.Unavailable,
      'The running broker keeps its messages in memory, where no other process can read or add any.',
      'Name another store with --data or --store.',
    ),
  noStore: (path: string) =>
    new CliError(
      'no-store',
      Exit.Unavailable,
      `There is no store ${path}, and no broker is running.`,
      'Name its folder with --data, or the runtime directory with --dir.',
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
  needsForce: () =>
    new CliError(
      'needs-force',
      Exit.Usage,
      'This removes messages for good, and there is no terminal to ask on.',
      'Give --force.',
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
