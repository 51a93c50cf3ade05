import type { ProcessTable } from './process-info.ts';

const uid = process.getuid?.() ?? -1;

/**
 * For systems without /proc: what `kill(pid, 0)` tells. A process that we may signal is taken for ours; whether a
 * signal would kill it, and whether its PID was reused, cannot be known.
 */
export const portableProcessTable: ProcessTable = {
  knowsSignals: false,
  selfPid: process.pid,
  selfUid: uid,
  read(pid) {
    const rest = {
      pid,
      state: '?',
      start: 0,
      blocksBoth: undefined,
      catchesBoth: undefined,
      catchesAlike: undefined,
      catchesOrders: undefined,
      pending: undefined,
      threadPending: undefined,
    };
    try {
      process.kill(pid, 0);
      return { ...rest, uid };
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM'
        ? { ...rest, uid: undefined }
        : undefined;
    }
  },
  hasLineEditor: () => false,
};
