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
  /** Stable, kebab-case; for programs. */
  readonly code: string;
  /** What to do about it; one sentence. */
  readonly hint: string;
  readonly exitCode: number;

  constructor(code: string, exitCode: number, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = exitCode;
    this.hint = hint;
  }
}
