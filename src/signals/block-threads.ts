import { readdirSync, readFileSync } from 'node:fs';
import { BOTH, mask } from '../proc-status.ts';
import { sleepSync } from '../sleep-sync.ts';
import type { Addon } from './addon.ts';

/** V8's threads answer a nudge within a millisecond; ten seconds are enough even for an overloaded machine. */
const MAX_NUDGE_ROUNDS = 10_000;
/** Usually the first check comes a few µs too early; every start of `sigmq send` waits here. */
const SHORT_NAPS = 10;
const SHORT_NAP_MS = 0.1;
const LONG_NAP_MS = 1;

/**
 * Blocks both signals in every thread of this process. This is needed because the kernel hands a signal to any
 * thread that does not block it: with SIGUSR2 unblocked in V8's threads, bits would arrive in the wrong order.
 * @throws Error if a thread does not block a signal; then the PID must not be published.
 */
export function blockInEveryThread(
  addon: Pick<Addon, 'block' | 'nudge'>,
  maxRounds = MAX_NUDGE_ROUNDS,
): void {
  const failed = addon.block();
  if (failed !== 0) throw new Error(`could not block SIGUSR1 and SIGUSR2 (errno ${failed})`);
  for (const tid of threads()) if (tid !== process.pid) addon.nudge(tid);
  // A thread that blocks them does so for good, and so does one that it starts.
  const blocking = new Set<number>();
  for (let rounds = 0; rounds < maxRounds; ) {
    const open = threads().find((tid) => !blocking.has(tid) && isOpen(tid, blocking));
    if (open === undefined) return;
    addon.nudge(open);
    sleepSync(rounds++ < SHORT_NAPS ? SHORT_NAP_MS : LONG_NAP_MS);
  }
  throw new Error('a thread of this process keeps SIGUSR1 or SIGUSR2 open');
}

function threads(): number[] {
  return readdirSync('/proc/self/task').map(Number);
}

/** @param blocking is told if it is not */
function isOpen(tid: number, blocking: Set<number>): boolean {
  try {
    const status = readFileSync(`/proc/self/task/${tid}/status`, 'utf8');
    if ((mask(status, 'SigBlk') & BOTH) !== BOTH) return true;
    blocking.add(tid);
  } catch {
    // The thread has ended in the meantime.
  }
  return false;
}
