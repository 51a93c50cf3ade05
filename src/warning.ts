import { SigmqError } from './errors.ts';

/**
 * Says what nobody has asked to be told: a warning of the process (`process.on('warning')`), which Node prints to
 * stderr unless told otherwise.
 */
export function warn(problem: unknown): void {
  const type = 'SigmqWarning';
  if (!(problem instanceof Error)) process.emitWarning(String(problem), { type });
  else if (problem instanceof SigmqError) {
    process.emitWarning(`${problem.message} ${problem.hint}`, { type, code: problem.code });
  } else
    process.emitWarning(problem.message, { type, ...(problem.stack && { detail: problem.stack }) });
}

/** Tells who listens; nobody, or one who cannot take it: {@link warn}. */
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
