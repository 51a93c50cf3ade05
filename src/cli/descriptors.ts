import { constants, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { STDIN, STDOUT } from './stdio.ts';

/** Programs that close a descriptor with `>&-`, and open /dev/null for writing only with `>/dev/null`. */
const SHELL = /^((a|ba|da|fi|k|mk|ya|z)?sh|busybox)\b/;

/** What a descriptor of a process refers to. */
export type Opened = 'closed' | '/dev/null' | '/dev/null for reading and writing' | 'other';

export interface Descriptors {
  opened(pid: number | 'self', fd: number): Opened;
  /** The name of the program that started this one. */
  parent(): string;
}

/**
 * Whether stdout was closed when this process began (`>&-`), so that nobody can read what is printed. Node then
 * opens /dev/null for reading and writing in its place, which looks the same as what some programs do on purpose
 * for a child whose output they do not want. So it matters who started us: in a shell there is no other way to get
 * this, and a program that does not want our output usually gives us no input either.
 */
export function isStdoutClosed({ opened, parent }: Descriptors = procDescriptors): boolean {
  if (opened('self', STDOUT) !== '/dev/null for reading and writing') return false;
  const parents = opened(process.ppid, STDOUT);
  if (parents === 'closed') return true;
  if (SHELL.test(parent())) return parents !== '/dev/null for reading and writing';
  return !opened('self', STDIN).startsWith('/dev/null');
}

/** The flags of open(2) of one of our descriptors. @throws Error where there is no /proc */
export function flagsOf(fd: number): number {
  return flagsIn(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
}

const procDescriptors: Descriptors = {
  opened(pid, fd) {
    try {
      if (readlinkSync(`/proc/${pid}/fd/${fd}`) !== '/dev/null') return 'other';
      const flags = flagsIn(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'));
      const isBoth = (flags & constants.O_RDWR) !== 0;
      return isBoth ? '/dev/null for reading and writing' : '/dev/null';
    } catch (error) {
      const isThere = (error as NodeJS.ErrnoException).code !== 'ENOENT' || !hasProcess(pid);
      return isThere ? 'other' : 'closed';
    }
  },
  parent() {
    try {
      return basename(readlinkSync(`/proc/${process.ppid}/exe`));
    } catch {
      return '';
    }
  },
};

function hasProcess(pid: number | 'self'): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) !== '';
  } catch {
    return false; // it has ended, belongs to another user, or there is no /proc
  }
}

function flagsIn(info: string): number {
  return Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? '0', 8);
}
