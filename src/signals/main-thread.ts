import { readlinkSync } from 'node:fs';
import { builtin } from '../builtin.ts';

/**
 * Whether this is the thread whose ID is the PID: bits go there, and a worker (node:worker_threads) gets none.
 * /proc tells in a few µs.
 */
export function isMainThread(): boolean {
  try {
    const [pid, , thread] = readlinkSync('/proc/thread-self').split('/');
    return pid === thread;
  } catch {
    return builtin('worker_threads').isMainThread;
  }
}
