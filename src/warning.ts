import { SigmqError } from './errors.ts';

/**
 * Reports a problem for which nobody has asked to be called: as a process warning (`process.on('warning')`), which
 * Node prints to stderr by default.
 */
export function warn(problem: unknown): void {
  const type = 'SigmqWarning';
  if (!(problem instanceof Error)) process.emitWarning(String(problem), { type });
  else if (problem instanceof SigmqError) {
    process.emitWarning(`${problem.message} ${problem.hint}`, { type, code: problem.code });
  } else
    process.emitWarning(problem.message, { type, ...(problem.stack && { detail: problem.stack }) });
}

/** Calls the listener; if there is none, or it throws: {@link warn}. */
export function tell<T>(listener: ((what: T) => void) | undefined, what: T): void {
  if (!listener) {
    warn(what);
    return;
  }
  try {
    listener(what);
  } catch (error) {
    warn(what);
    warn(error);
  }
}
