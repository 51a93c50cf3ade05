import { readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * Whether this is the thread whose ID is the PID: bits go there, and a worker (node:worker_threads) gets none.
 * /proc says so in some µs; to load node:worker_threads costs a start of `sigmq send` 4 ms.
 */
export function isMainThread(): boolean {
  try {
    const [pid, , thread] = readlinkSync('/proc/thread-self').split('/');
    return pid === thread;
  } catch {
    const require = createRequire(import.meta.url);
    return (require('node:worker_threads') as typeof import('node:worker_threads')).isMainThread;
  }
}
