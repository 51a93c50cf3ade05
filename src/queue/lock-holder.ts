import { readFileSync, statSync } from 'node:fs';

/** A line of /proc/locks (proc(5)): number, kind, ADVISORY, WRITE, PID, device:inode, from, to. */
const LINE = /^\d+: POSIX +\S+ +WRITE +(\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /;

/**
 * The process that has locked a file for writing, as SQLite does it (fcntl(2)). Found in /proc, because opening and
 * closing the file would drop the locks that this process has on it.
 * @returns undefined if it cannot be known: there is none any more, or it is in another PID namespace
 */
export function lockHolder(path: string): number | undefined {
  try {
    const { ino } = statSync(path);
    // By inode only: stacked file systems have devices that /proc does not know.
    for (const line of readFileSync('/proc/locks', 'latin1').split('\n')) {
      const [, pid, inode] = LINE.exec(line) ?? [];
      if (Number(inode) === ino && Number(pid) > 0) return Number(pid);
    }
  } catch {
    // no /proc, or the store was removed
  }
  return undefined;
}
