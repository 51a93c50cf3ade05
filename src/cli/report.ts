import { Exit, explained, SigmqError } from '../errors.ts';
import { printError } from './output.ts';

/** A line for the user, on stderr: stdout is for messages. */
export function say(sentence: string): void {
  printError(`sigmq: ${sentence}\n`);
}

/** Turns any error into text on stderr and an exit code; the only place that does. */
export function report(raw: unknown): number {
  const error = explained(raw);
  if (error instanceof SigmqError) {
    say(`${error.message} ${error.hint}`);
    return error.exitCode;
  }
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  // The reader of our output has enough, as with `| head -1`.
  if (code === 'EPIPE' && syscall === 'write') return Exit.Ok;
  if (error instanceof Error && typeof code === 'string') {
    say(`${error.message}.`);
    return Exit.Unexpected;
  }
  say(`This is a bug in sigmq: ${error instanceof Error ? error.stack : String(error)}`);
  return Exit.Bug;
}
