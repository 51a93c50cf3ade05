import { Recent } from '../recent.ts';
import { sleepSync } from '../sleep-sync.ts';
import type { ProcessTable } from './process-info.ts';

/**
 * A plain peer that waits for answers with sigsuspend(2) blocks both signals from before it sends a bit until it waits:
 * for some 10 µs, or longer if it loses the CPU meanwhile. An echo peer blocks them all the time.
 */
const LOOKS = 20;
/** Pause before each look; ms. */
const LOOK_MS = 1;
/** How many processes that are known to keep blocking are remembered. */
const MAX_SETTLED = 256;

/**
 * A table that says that a process blocks both signals only if it keeps doing so. Looking at an echo peer for the first
 * time takes {@link LOOKS} ms.
 */
export function patientTable(table: ProcessTable, sleep = sleepSync): ProcessTable {
  /** When they had started. */
  const settled = new Recent<number, number>(MAX_SETTLED);
  return {
    knowsSignals: table.knowsSignals,
    selfPid: table.selfPid,
    selfUid: table.selfUid,
    hasLineEditor: (pid) => table.hasLineEditor(pid),
    read(pid) {
      let info = table.read(pid);
      if (info?.blocksBoth !== true || settled.get(pid) === info.start) return info;
      for (let n = 0; n < LOOKS && info?.blocksBoth === true; n++) {
        sleep(LOOK_MS);
        info = table.read(pid);
      }
      if (info?.blocksBoth === true) settled.set(pid, info.start);
      return info;
    },
  };
}
