import { SigmqError } from '../errors.ts';

/** Why a message was not done, for the handler's caller: it says what becomes of the message. */
export class NotDone extends Error {
  /** Undefined: the attempt has failed. */
  readonly settle: 'release' | 'return' | 'dead' | undefined;
  /** Whether --quiet is no reason to keep it from the user: it is not what the command itself has said. */
  readonly isLoud: boolean;

  constructor(sentence: string, settle?: NotDone['settle'], isLoud = false) {
    super(sentence);
    this.settle = settle;
    this.isLoud = isLoud;
  }
}

/** The system, or whoever is just writing the file of the command, will have done with it soon. */
const PASSING: ReadonlySet<string> = new Set(['ETXTBSY', 'EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE']);

/** What a command could not be started for will pass by itself. */
export function isPassing({ code = '' }: NodeJS.ErrnoException): boolean {
  return PASSING.has(code);
}

/** It was not the command, but its input that could not be made. */
export function isOfInput({ syscall = '' }: NodeJS.ErrnoException): boolean {
  return !syscall.startsWith('spawn');
}

/** What a shell exits with when it cannot run a command (POSIX.1-2024, XCU 2.8.2). */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'it is not executable, or not for you',
  ENOEXEC: 'it is no program, nor a script that begins with #!',
};

/** How a command ends, or does not start, and what becomes of its message. */
export const jobErrors = {
  failed: (command: string, end: number | string) => new NotDone(`${command} ended with ${end}.`),
  rejected: (command: string) => new NotDone(`${command} rejected it for good.`, 'dead'),
  later: (command: string) => new NotDone(`${command} wants it again later.`, 'release'),
  stopped: (command: string, signal: string) =>
    new NotDone(
      `${command} was stopped by the ${signal} that stops this consumer; the message went back.`,
      'return',
    ),
  overdue: (command: string, ms: number) =>
    new NotDone(
      `${command} took longer than ${ms} ms (--job-timeout) and was ended.`,
      undefined,
      true,
    ),
  zeroByte: () =>
    new NotDone('It has a header with a zero byte, which no command can get.', 'dead', true),
  tooLarge: (command: string) =>
    new NotDone(`The headers of the message are too large for ${command} to get.`, undefined, true),
  passing: (command: string, { code }: NodeJS.ErrnoException) =>
    new NotDone(
      `${command} could not be started for now (${code}); the message went back.`,
      'return',
      true,
    ),
  noInput: ({ message }: NodeJS.ErrnoException) =>
    new NotDone(
      `The message could not be written for its command to read (${message}); it went back. Make room there, or set TMPDIR to another folder.`,
      'release',
      true,
    ),
  /** {@link hopeless} is what the user hears. */
  notStarted: (command: string) => new NotDone(`${command} cannot be started.`, 'return'),

  /** @param isThere a file of that name: it is its interpreter, or the working directory, that is not */
  hopeless: (command: string, { code = '', message }: NodeJS.ErrnoException, isThere: boolean) =>
    code === 'ENOENT'
      ? new SigmqError(
          'not-found',
          NOT_FOUND,
          isThere
            ? `${command} cannot be started: the interpreter that it names, or the working directory, is not there.`
            : `${command} was not found.`,
          'The message went back to the broker; look at the name, and at PATH.',
        )
      : new SigmqError(
          'not-executable',
          NOT_EXECUTABLE,
          `${command} cannot be started: ${REASONS[code] ?? message}.`,
          'The message went back to the broker; mend the command and start again.',
        ),
};
