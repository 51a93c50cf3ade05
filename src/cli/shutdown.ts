/** Signals that ask a program to end. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Calls `stop` at the first request to end; the second ends the process at once, by that signal, after a
 * last call of `kill`.
 */
export function onShutdown(stop: () => void, kill: () => void = () => {}): void {
  let asked = false;
  for (const signal of ENDING) {
    process.on(signal, () => {
      if (asked) {
        kill();
        process.removeAllListeners(signal);
        process.kill(process.pid, signal);
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
      process.kill(process.pid, signal);
    });
  }
}
