import type { Message } from '../client/message.ts';
import { CliError } from './errors.ts';

/** What becomes of a message that was not done. */
export type JobSettlement = 'fail' | 'reject' | 'release' | 'release now';

/** Why a message was not done, and what becomes of it. */
export class NotDone extends Error {
  readonly ending: JobSettlement;
  /** Whether it is shown despite --quiet: the command itself has not said it. */
  readonly isLoud: boolean;
  /** What is kept with the message. */
  readonly #reason: string;

  /** @param said by the command, on its standard error */
  constructor(sentence: string, ending: JobSettlement = 'fail', isLoud = false, said = '') {
    super(sentence);
    this.ending = ending;
    this.isLoud = isLoud;
    this.#reason = said === '' ? sentence : `${sentence}\n${said}`;
  }

  /** Nothing went wrong. */
  get isOrdinary(): boolean {
    return this.ending === 'release' || this.ending === 'release now';
  }

  settle(message: Message): Promise<boolean> {
    if (this.ending === 'fail') return message.fail(this.#reason);
    if (this.ending === 'reject') return message.reject(this.#reason);
    return message.release({ now: this.ending === 'release now' });
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
  failed: (command: string, end: number | string, said: string) =>
    new NotDone(`${command} ended with ${end}.`, 'fail', false, said),
  rejected: (command: string, said: string) =>
    new NotDone(`${command} rejected it for good.`, 'reject', false, said),
  later: (command: string) => new NotDone(`${command} wants it again later.`, 'release'),
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
      said,
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
