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

/**
 * Base of all errors that sigmq raises on purpose.
 * @typeParam Code which `code` it has, for {@link CodeOf}
 */
export class SigmqError<Code extends string = string> extends Error {
  /** Only for the compiler. `instanceof` makes `any` of a type parameter: {@link code} is not of that type. */
  declare readonly ' code'?: Code;
  /** Stable, kebab-case; for programs. */
  readonly code: string;
  /** What to do about it; one sentence. */
  readonly hint: string;
  readonly exitCode: number;

  constructor(code: Code, exitCode: number, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** The codes of the errors that a table of sentences makes, or a class with its static methods. */
export type CodeOf<Table> = {
  [Name in keyof Table]: Table[Name] extends (...args: never[]) => SigmqError<infer Code>
    ? Code
    : never;
}[Exclude<keyof Table, keyof ErrorConstructor>];

/**
 * An error of the system as one of ours where it says that this process, or all of them, have no descriptor
 * left; any other as it is.
 */
export function explained(error: unknown): unknown {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  if (code !== 'EMFILE' && code !== 'ENFILE') return error;
  const whose = code === 'EMFILE' ? 'This process' : 'The system';
  return new SigmqError(
    'no-descriptors',
    Exit.TryAgain,
    `${whose} has no file descriptor left (${code}).`,
    'Raise the limit (`ulimit -n`) where it is started, or close some files.',
    error,
  );
}
