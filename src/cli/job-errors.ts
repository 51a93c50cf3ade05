import type { Message } from '../client/message.ts';
import { Exit } from '../errors.ts';
import { CliError } from './errors.ts';

/** What becomes of a message that was not done. */
export type JobSettlement = 'fail' | 'reject' | 'release' | 'release now';

/** What the command has said with its end. */
interface CommandSaid {
  /** On its standard error; kept with the message. */
  readonly said?: string;
  /** For who asked. */
  readonly exitCode?: number | undefined;
}

/** Why a message was not done, and what becomes of it. */
export class NotDone extends Error {
  readonly ending: JobSettlement;
  /** Whether it is shown despite --quiet: the command itself has not said it. */
  readonly isLoud: boolean;
  /** Of the command, for who asked. */
  readonly exitCode: number | undefined;
  /** What is kept with the message. */
  readonly #reason: string;

  constructor(
    sentence: string,
    ending: JobSettlement = 'fail',
    isLoud = false,
    { said = '', exitCode }: CommandSaid = {},
  ) {
    super(sentence);
    this.ending = ending;
    this.isLoud = isLoud;
    this.exitCode = exitCode;
    this.#reason = said === '' ? sentence : `${sentence}\n${said}`;
  }

  /** Nothing went wrong. */
  get isOrdinary(): boolean {
    return this.ending === 'release' || this.ending === 'release now';
  }

  settle(message: Message): Promise<boolean> {
    const { exitCode } = this;
    if (this.ending === 'fail') return message.fail(this.#reason, { exitCode });
    if (this.ending === 'reject') return message.reject(this.#reason, { exitCode });
    return message.release({ now: this.ending === 'release now', exitCode });
  }
}

/** The system, or whoever is still writing the command's file, will soon be ready. */
const PASSING_START_ERRORS: ReadonlySet<string> = new Set([
  'ETXTBSY',
  'EAGAIN',
  'ENOMEM',
  'EMFILE',
  'ENFILE',
]);

/** Whether what kept a command from starting will pass by itself. */
export function isPassing({ code = '' }: NodeJS.ErrnoException): boolean {
  return PASSING_START_ERRORS.has(code);
}

/** It was not the command that failed, but making its input. */
export function isOfInput({ syscall = '' }: NodeJS.ErrnoException): boolean {
  return !syscall.startsWith('spawn');
}

/** What a shell exits with when it cannot run a command (POSIX.1-2024, XCU 2.8.2). */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'it is not executable, or not by you',
  ENOEXEC: 'it is neither a program nor a script that begins with #!',
};

/** How a command ends, or fails to start, and what becomes of its message. */
export const jobErrors = {
  failed: (command: string, end: number | string, said: CommandSaid) =>
    new NotDone(`${command} ended with ${end}.`, 'fail', false, said),
  rejected: (command: string, said: string) =>
    new NotDone(`${command} rejected it for good.`, 'reject', false, {
      ...{ said, exitCode: Exit.BadData },
    }),
  later: (command: string) =>
    new NotDone(`${command} wants it again later.`, 'release', false, { exitCode: Exit.TryAgain }),
  tooLong: (command: string, said: string) =>
    new NotDone(
      `${command} wrote more to its standard output than a reply may have (the broker's --max-size), and was ended; the message is rejected.`,
      'reject',
      true,
      { said, exitCode: Exit.BadData },
    ),
  /** @param what has no place in it */
  misfit: (id: number | undefined, what: string) =>
    new NotDone(
      `Message ${id ?? ''} contains ${what}, which would end it on the input of a batch; it was not given to the command. ${what === 'a newline' ? 'Start the consumer with --null.' : 'Take it without --batch.'}`,
      'fail',
      true,
    ),
  notBegun: () => new NotDone('No command was started for it; it went back.', 'release now'),
  unnamed: (count: number) =>
    new NotDone(
      `The command ended with 0 and did not name ${count === 1 ? 'one message' : `${count} messages`} of its batch (--partial): an attempt has failed.`,
    ),
  stranger: (line: string) =>
    `with --partial, the command is to print ids of its batch, one a line, and it printed ${line}; that counts for nothing.`,
  tooMuchSaid: () =>
    new NotDone(
      'With --partial, the command is to print ids of its batch, one a line; it printed far more than these, and was ended.',
      'fail',
      true,
    ),
  stopped: (command: string, signal: string) =>
    new NotDone(
      `${command} was stopped by the ${signal} that stops this consumer; the message went back.`,
      'release now',
    ),
  overdue: (command: string, ms: number, said: string) =>
    new NotDone(
      `${command} took longer than ${ms} ms (--job-timeout) and was ended.`,
      'fail',
      true,
      { said, exitCode: Exit.Timeout },
    ),
  zeroByte: () =>
    new NotDone(
      'The message has a header with a zero byte, which no command can receive.',
      'reject',
      true,
    ),
  tooLarge: (command: string) =>
    new NotDone(
      `The headers of the message are too large for ${command} to receive.`,
      'fail',
      true,
    ),
  passing: (command: string, { code }: NodeJS.ErrnoException) =>
    new NotDone(
      `${command} cannot be started at the moment (${code}); the message went back.`,
      'release now',
      true,
    ),
  noInput: ({ message }: NodeJS.ErrnoException) =>
    new NotDone(
      `The message could not be written for its command to read (${message}); it went back. Make room there, or set TMPDIR to another folder.`,
      'release',
      true,
    ),
  /** The user is told {@link hopeless}. */
  notStarted: (command: string) => new NotDone(`${command} cannot be started.`, 'release now'),

  /** @param isThere a file of that name exists: what is missing is its interpreter, or the working directory */
  hopeless: (command: string, { code = '', message }: NodeJS.ErrnoException, isThere: boolean) =>
    code === 'ENOENT'
      ? new CliError(
          'not-found',
          NOT_FOUND,
          isThere
            ? `${command} cannot be started: the interpreter that it names, or the working directory, does not exist.`
            : `${command} was not found.`,
          'The message went back to the broker; check the name, and PATH.',
        )
      : new CliError(
          'not-executable',
          NOT_EXECUTABLE,
          `${command} cannot be started: ${REASONS[code] ?? message}.`,
          'The message went back to the broker; fix the command and start again.',
        ),
};
