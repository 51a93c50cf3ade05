import { readFileSync } from 'node:fs';

/** sysconf(_SC_CLK_TCK): 100 on every architecture that Node runs on (USER_HZ in the kernel's param.h). */
const TICKS_PER_SECOND = 100;

/**
 * When a process started by the wall clock, to about 1 s.
 * @param start clock ticks since boot; 0: not known
 * @returns milliseconds since 1970; undefined when it cannot be known
 */
export function startedAtMs(start: number): number | undefined {
  if (start === 0) return undefined;
  try {
    // Read each time: the kernel moves btime when the clock is set.
    const btime = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1];
    return btime === undefined ? undefined : (Number(btime) + start / TICKS_PER_SECOND) * 1000;
  } catch {
    return undefined;
  }
}
