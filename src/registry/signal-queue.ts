import { readFileSync } from 'node:fs';

/** Signals that are queued with what the kernel knows about them, for all processes of the user: `SigQ` in proc(5). */
export interface SignalQueue {
  readonly used: number;
  /** RLIMIT_SIGPENDING of the process. */
  readonly limit: number;
}

/** @returns undefined if it cannot be known: no such process, no /proc */
export function signalQueue(pid: number): SignalQueue | undefined {
  try {
    const match = /^SigQ:\s*(\d+)\/(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match ? { used: Number(match[1]), limit: Number(match[2]) } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the next bit sent to the process would arrive without its sender (kernel/signal.c). */
export function isUsedUp(queue: SignalQueue | undefined): queue is SignalQueue {
  return queue !== undefined && queue.used >= queue.limit;
}
