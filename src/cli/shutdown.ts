import { constants } from 'node:os';
import { hasTerminal, leaveClosedTerminals } from './terminal.ts';

/** Signals that ask a program to end. */
export const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type EndingSignal = (typeof ENDING)[number];

/**
 * Calls `stop` at the first request to end; the second one ends the process at once, by that signal, after a last
 * call of `kill`. Without a terminal SIGHUP is ignored, as nohup(1) wants it: Node resets what nohup had set before
 * any code of ours runs.
 */
export function onShutdown(
  stop: (signal: EndingSignal) => void,
  kill: () => void = () => {},
): void {
  let asked = false;
  const isDetached = !hasTerminal();
  for (const signal of ENDING) {
    process.on(signal, () => {
      if (signal === 'SIGHUP' && isDetached) return;
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
 * Ends this process by a signal, so that a shell sees that it was one, and ends its loops at Ctrl-C.
 * @returns the exit code, if no signal can end the process: it is PID 1 of a container (pid_namespaces(7))
 */
export function endBy(signal: EndingSignal): number {
  process.removeAllListeners(signal);
  leaveClosedTerminals();
  process.kill(process.pid, signal);
  return 128 + constants.signals[signal];
}
