import { watch } from 'node:fs';
import { isUsedUp, signalQueue } from '../registry/signal-queue.ts';

/** What keeps the processes involved from working well, one sentence each. @param pids of all but this one */
export function signalTroubles(pids: readonly number[]): string[] {
  return [...new Set([process.pid, ...pids])].flatMap((pid) => {
    const queue = signalQueue(pid);
    if (!isUsedUp(queue)) return [];
    const who = pid === process.pid ? 'this process' : `process ${pid}`;
    return `Signals reach ${who} without their sender, so no message can get through: ${queue.used} are queued, and only ${queue.limit} may be. Raise the limit with \`ulimit -i\` (RLIMIT_SIGPENDING).`;
  });
}

/** Undefined: no trouble. */
export function watchTrouble(dir: string): string | undefined {
  try {
    watch(dir)
      .on('error', () => {})
      .close();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return `No inotify instance or watch is left (${code}): a broker that starts now polls its files instead. See /proc/sys/fs/inotify.`;
  }
}
