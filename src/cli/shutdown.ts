import { constants } from 'node:os';
import { hasTerminal, leaveClosedTerminals } from './terminal.ts';

/** Signals that ask a program to end. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Calls `stop` at the first request to end; the second ends the process at once, by that signal, after a
 * last call of `kill`. Without a terminal SIGHUP is ignored, as nohup(1) wants it: Node resets what it had asked
 * for before any code of ours runs.
 */
export function onShutdown(stop: () => void, kill: () => void = () => {}): void {
  let asked = false;
  const isDetached = !hasTerminal();
  for (const signal of ENDING) {
    process.on(signal, () => {
      if (signal === 'SIGHUP' && isDetached) return;
      if (asked) {
        kill();
        process.removeAllListeners(signal);
        endBy(signal);
        return;
      }
      asked = true;
      stop();
    });
  }
}

/** Calls `last` when the process is asked to end; then it ends by that signal, as it would have anyway. */
export function onInterrupt(last: () => void): void {
  for (const signal of ENDING) {
    process.once(signal, () => {
      last();
      endBy(signal);
    });
  }
}

/** Ends as whoever has no handler for the signal. */
function endBy(signal: (typeof ENDING)[number]): void {
  leaveClosedTerminals();
  process.kill(process.pid, signal);
  // The kernel spares the first process of a PID namespace (pid_namespaces(7)).
  if (process.pid === 1) process.exit(128 + constants.signals[signal]);
}
