import { constants } from 'node:os';

/** Signals that ask a program to end. */
export const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type EndingSignal = (typeof ENDING)[number];

/**
 * Calls `stop` at the first request to end; the second ends the process at once, by that signal, after a
 * last call of `kill`.
 */
export function onShutdown(
  stop: (signal: EndingSignal) => void,
  kill: () => void = () => {},
): void {
  let asked = false;
  for (const signal of ENDING) {
    process.on(signal, () => {
      if (asked) {
        kill();
        process.exit(endBy(signal));
      }
      asked = true;
      stop(signal);
    });
  }
}

/** Calls `last` when the process is asked to end; then it ends by that signal, as it would have anyway. */
export function onInterrupt(last: () => void): void {
  for (const signal of ENDING) {
    process.once(signal, () => {
      last();
      process.exit(endBy(signal));
    });
  }
}

/**
 * Ends this process by a signal, so that a shell knows that it was one, and ends its loops at Ctrl-C.
 * @returns the exit code, where no signal ends the process: it is PID 1 of a container (pid_namespaces(7))
 */
export function endBy(signal: EndingSignal): number {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  return 128 + constants.signals[signal];
}
