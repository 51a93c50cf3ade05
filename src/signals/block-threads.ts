import { builtin } from '../builtin.ts';
import { sleepSync } from '../sleep-sync.ts';
import type { Addon } from './addon.ts';

/** V8's threads answer a nudge within a millisecond; ten seconds are enough even for an overloaded machine. */
const MAX_NUDGE_ROUNDS = 10_000;
/** Before a thread is nudged again, at first and later. */
const SHORT_NAPS = 10;
const SHORT_NAP_MS = 0.1;
const LONG_NAP_MS = 1;

/**
 * Blocks both signals in every thread of this process. This is needed because the kernel hands a signal to any
 * thread that does not block it: with SIGUSR2 unblocked in V8's threads, bits would arrive in the wrong order.
 * @throws Error if a thread does not block a signal; then the PID must not be published.
 */
export function blockInEveryThread(
  addon: Pick<Addon, 'block' | 'nudgeThreads'>,
  maxRounds = MAX_NUDGE_ROUNDS,
): void {
  const failed = addon.block();
  if (failed !== 0) throw new Error(`could not block SIGUSR1 and SIGUSR2 (errno ${failed})`);
  for (let rounds = 0; rounds < maxRounds; rounds++) {
    const open = addon.nudgeThreads();
    if (open === 0) return; // a thread that blocks them does so for good, and so does one that it starts
    if (open < 0) throw unreadable(open);
    // After the first nudge a look takes long enough: every start of `sigmq send` is here.
    if (rounds > 0) sleepSync(rounds < SHORT_NAPS ? SHORT_NAP_MS : LONG_NAP_MS);
  }
  throw new Error('a thread of this process keeps SIGUSR1 or SIGUSR2 open');
}

function unreadable(errno: number): Error {
  const code = builtin('util').getSystemErrorName(errno);
  return Object.assign(new Error(`${code}: could not look at the threads of this process`), {
    code,
  });
}
