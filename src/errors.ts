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

/**
 * Turns an error of the system that says that this process, or the whole system, has no descriptors left into one
 * of ours; any other error is returned unchanged.
 */
export function explained(error: unknown): unknown {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  if (code !== 'EMFILE' && code !== 'ENFILE') return error;
  const whose = code === 'EMFILE' ? 'This process' : 'The system';
  return new SigmqError(
    'no-descriptors',
    Exit.TryAgain,
    `${whose} has no file descriptors left (${code}).`,
    'Raise the limit (`ulimit -n`) where it is started, or close some files.',
    error,
  );
}
