import { uptime } from 'node:os';

/** Milliseconds of a clock that never jumps. `performance.now()` is slow when it is first asked for. */
export function clockMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** When two clocks differ by so much more than before, one was set, or the machine slept; ms. */
const JUMP_MS = 1000;
let bootedAt: number | undefined;
let skew = 0;
let asleep = 0;

/**
 * Milliseconds since 1970, whole ones, by a clock that starts with the wall clock and then goes on evenly:
 * not moved when the wall clock is set, nor held up when the machine sleeps (os.uptime() is
 * CLOCK_BOOTTIME, in steps of 10 ms). What is to happen later is reckoned by it.
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
