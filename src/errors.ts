import type { ErrorCode } from './error-codes.ts';

/**
 * Every error that sigmq reports, in one place: a stable `code`, the exit code that a shell sees
 * (sysexits.h where it has one), one sentence about what happened and one about what to do.
 */

export const Exit = {
  Ok: 0,
  Unexpected: 1,
  Usage: 64,
  BadData: 65,
  Unavailable: 69,
  Bug: 70,
  CannotCreate: 73,
  TryAgain: 75,
  NotPermitted: 77,
  Config: 78,
  Timeout: 124,
} as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

/** Base of all errors that sigmq raises on purpose. */
export class SigmqError extends Error {
  readonly code: ErrorCode;
  /** What to do about it; one sentence. */
  readonly hint: string;
  readonly exitCode: number;

  constructor(code: ErrorCode, exitCode: number, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** Limits that a process is started with, by what the system says of them. */
const LIMITS: Readonly<
  Record<string, { code: ErrorCode; exit: Exit; message: string; hint: string }>
> = {
  EMFILE: {
    code: 'no-descriptors',
    exit: Exit.TryAgain,
    message: 'This process has no file descriptors left',
    hint: 'Raise the limit (`ulimit -n`) where it is started, or close some files.',
  },
  ENFILE: {
    code: 'no-descriptors',
    exit: Exit.TryAgain,
    message: 'The system has no file descriptors left',
    hint: 'Raise the limit (`ulimit -n`) where it is started, or close some files.',
  },
  EFBIG: {
    code: 'file-limit',
    exit: Exit.Config,
    message: 'This process may not make a file as large as that',
    hint: 'Raise the limit (`ulimit -f`) where this process is started.',
  },
};

/** The limit that kept this process from something; undefined: it was none. */
export function limitOf(error: unknown) {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return code === undefined ? undefined : LIMITS[code];
}

/**
 * Turns an error of the system that says that this process has reached a limit into one of ours; where that is the
 * cause of an error of ours, the hint is what to do about it. Any other error is returned unchanged.
 */
export function explained(error: unknown): unknown {
  if (error instanceof SigmqError) {
    const hint = limitOf(error.cause)?.hint ?? error.hint;
    const { code, exitCode, message, cause } = error;
    return hint === error.hint ? error : new SigmqError(code, exitCode, message, hint, cause);
  }
  const limit = limitOf(error);
  if (!limit) return error;
  const { code, exit, message, hint } = limit;
  const sentence = `${message} (${(error as NodeJS.ErrnoException).code}).`;
  return new SigmqError(code, exit, sentence, hint, error);
}
