import { uptime } from 'node:os';

/** Milliseconds of a clock that never jumps. The first call of `performance.now()` is slow. */
export function clockMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** If two clocks are this much further apart than before, one was set, or the machine slept; ms. */
const JUMP_MS = 1000;
let bootedAt: number | undefined;
let skew = 0;
let asleep = 0;

/**
 * Whole milliseconds since 1970, by a clock that starts with the wall clock and then runs on steadily: it does not
 * move when the wall clock is set, nor stop while the machine sleeps (os.uptime() is CLOCK_BOOTTIME, in steps of 10
 * ms). Everything that is to happen later is timed by it.
 */
export function steadyMs(): number {
  const wall = Date.now();
  const awake = clockMs();
  if (bootedAt === undefined || Math.abs(wall - awake - skew) > JUMP_MS) {
    skew = wall - awake;
    const up = uptime() * 1000;
    asleep = up - awake;
    bootedAt ??= wall - up;
  }
  return Math.floor(bootedAt + asleep + awake);
}
