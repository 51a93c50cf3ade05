import { readlinkSync } from 'node:fs';
import { forgetProcesses, linuxProcessTable } from './linux-process-table.ts';
import { portableProcessTable } from './portable-process-table.ts';
import type { ProcessTable } from './process-info.ts';

export { forgetProcesses, linuxProcessTable, portableProcessTable };

/**
 * Whether /proc shows the processes that our PIDs name: in a PID namespace with the outer /proc mounted, /proc/PID
 * is another process, and looking it up would do harm.
 */
export function hasProc(): boolean {
  try {
    return process.platform === 'linux' && readlinkSync('/proc/self') === String(process.pid);
  } catch {
    return false;
  }
}

/** The best table that this system has. */
export function processTable(): ProcessTable {
  return hasProc() ? linuxProcessTable : portableProcessTable;
}
