/** What is said in /proc/PID/status (proc(5)). */
import { SIGNALS } from './signal-numbers.ts';

/**
 * SIGUSR1 and SIGUSR2 in a mask, of which bit n-1 is signal n. Both are below 32 on every architecture of Linux.
 */
export const BOTH = (1 << (SIGNALS.SIGUSR1 - 1)) | (1 << (SIGNALS.SIGUSR2 - 1));

/** The value of a line of /proc/PID/status; empty if there is none. */
export function field(status: string, name: string): string {
  const at = status.indexOf(`\n${name}:\t`);
  if (at === -1) return '';
  const from = at + name.length + 3;
  const end = status.indexOf('\n', from);
  return status.slice(from, end === -1 ? undefined : end);
}

/** Signals 1 to 32 of a mask: its last 8 hexadecimal digits. */
export function mask(status: string, name: string): number {
  return Number.parseInt(field(status, name).slice(-8) || '0', 16);
}
