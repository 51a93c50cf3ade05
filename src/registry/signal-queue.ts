import { readFileSync } from 'node:fs';
import { field } from '../proc-status.ts';

/** Signals that are queued with what the kernel knows about them, for all processes of the user: `SigQ` in proc(5). */
export interface SignalQueue {
  readonly used: number;
  /** RLIMIT_SIGPENDING of the process. */
  readonly limit: number;
}

/** @returns undefined if it cannot be known: no such process, no /proc */
export function signalQueue(pid: number): SignalQueue | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const [used = Number.NaN, limit = Number.NaN] = field(status, 'SigQ').split('/').map(Number);
    return Number.isNaN(used) || Number.isNaN(limit) ? undefined : { used, limit };
  } catch {
    return undefined;
  }
}

/** Whether the next bit sent to the process would arrive without its sender (kernel/signal.c). */
export function isUsedUp(queue: SignalQueue | undefined): queue is SignalQueue {
  return queue !== undefined && queue.used >= queue.limit;
}
