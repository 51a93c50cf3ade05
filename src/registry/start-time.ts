import { readFileSync } from 'node:fs';

/** sysconf(_SC_CLK_TCK): 100 on every architecture that Node runs on (USER_HZ in the kernel's param.h). */
const TICKS_PER_SECOND = 100;
/**
 * How far two readings of the clocks may be apart: a tick of 10 ms each for the start, the uptime and the time of a
 * file (on a kernel that counts 100 jiffies a second), and some margin; ms.
 */
const TOLERANCE_MS = 50;
/** Some file systems keep only whole seconds; ms. */
const COARSE_MS = 1000;

/**
 * When a process started by the wall clock, to within some 20 ms.
 * @param start clock ticks since boot; 0: not known
 * @returns milliseconds since 1970; undefined if it cannot be known
 */
export function startedAtMs(start: number): number | undefined {
  const bootedAt = start === 0 ? undefined : bootedAtMs();
  return bootedAt === undefined ? undefined : bootedAt + (start / TICKS_PER_SECOND) * 1000;
}

/**
 * Whether a process started after a file was written. This compares two clocks, of which one is set now and then:
 * if it is set forward after the file was written, an older process seems younger; if it is set back, a younger one
 * seems older.
 * @param start clock ticks since boot; 0, not known: no
 */
export function startedAfter(start: number, writtenMs: number): boolean {
  const tolerance = TOLERANCE_MS + (writtenMs % 1000 === 0 ? COARSE_MS : 0);
  return (startedAtMs(start) ?? 0) > writtenMs + tolerance;
}

/** Clock ticks from boot until now: no process that starts later has a smaller number. */
export function ticksNow(): number {
  return Math.floor(uptimeMs() / (1000 / TICKS_PER_SECOND));
}

/** Read each time: it changes when the clock is set. */
function bootedAtMs(): number | undefined {
  try {
    const seconds = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1];
    if (seconds === undefined) return undefined;
    // Whole seconds: the fraction is cut off. The uptime gives it to within a tick, unless one of the two is not
    // the kernel's (libfaketime, lxcfs).
    const btime = Number(seconds) * 1000;
    const closer = Date.now() - uptimeMs();
    return closer > btime - TOLERANCE_MS && closer < btime + 1000 + TOLERANCE_MS ? closer : btime;
  } catch {
    return undefined;
  }
}

function uptimeMs(): number {
  return Number.parseFloat(readFileSync('/proc/uptime', 'latin1')) * 1000;
}
