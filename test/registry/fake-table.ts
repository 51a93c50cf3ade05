import type { ProcessInfo, ProcessTable } from '../../src/registry/process-info.ts';

export const SELF = 4000;
export const UID = 1000;

/** A table of what a test says; a process is an echo peer of ours that started at 500, unless it says else. */
export function fakeTable(...processes: (Partial<ProcessInfo> & { pid: number })[]): ProcessTable {
  const normal = {
    uid: UID,
    state: 'S',
    start: 500,
    blocksBoth: true,
    catchesBoth: true,
    catchesAlike: false,
    catchesOrders: false,
    pending: false,
    threadPending: false,
  };
  const self = { ...normal, pid: SELF };
  const all = new Map<number, ProcessInfo>([[SELF, self]]);
  for (const process of processes) all.set(process.pid, { ...normal, ...process });
  return {
    knowsSignals: true,
    selfPid: SELF,
    selfUid: UID,
    read: (pid) => all.get(pid),
    hasLineEditor: () => false,
  };
}
