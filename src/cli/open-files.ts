import { readFileSync } from 'node:fs';
import { type Addon, loadAddon } from '../signals/addon.ts';

interface Limit {
  readonly soft: number;
  readonly hard: number;
}

/**
 * How many descriptors the caller lets a program have open (`ulimit -n`). Node raises the soft limit to the hard
 * one before it runs any JavaScript, and the kernel does not remember the old value. The parent process still has
 * it, unless somebody changed it between the parent and us: then the hard limits usually differ.
 * @returns undefined if it is not known, or is the same as ours
 */
export function callersOpenFiles(
  read: (pid: number | 'self') => string = limitsOf,
): number | undefined {
  const ours = limitIn(read('self'));
  const parents = limitIn(read(process.ppid));
  if (!ours || !parents || ours.hard !== parents.hard) return undefined;
  return parents.soft < ours.soft ? parents.soft : undefined;
}

/** Calls `start`, which starts a child before it returns; the child gets the caller's limit. */
export function withOpenFiles<T>(
  soft: number | undefined,
  start: () => T,
  addon: Pick<Addon, 'openFiles'> | undefined = loadAddon().addon,
): T {
  if (soft === undefined || !addon) return start();
  const before = addon.openFiles(soft);
  try {
    return start();
  } finally {
    addon.openFiles(before);
  }
}

function limitsOf(pid: number | 'self'): string {
  try {
    return readFileSync(`/proc/${pid}/limits`, 'latin1');
  } catch {
    return ''; // it has ended in the meantime, or there is no /proc
  }
}

function limitIn(limits: string): Limit | undefined {
  const match = /^Max open files +(\d+) +(\d+)/m.exec(limits);
  return match ? { soft: Number(match[1]), hard: Number(match[2]) } : undefined;
}
