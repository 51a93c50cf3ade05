import { fstatSync, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { quietly } from '../quietly.ts';

/** In the mode of a link in /proc/PID/fd: the file was opened for writing (proc(5)). */
const OPEN_FOR_WRITING = 0o200;

/**
 * Whether another process of ours still has a file open for writing that was replaced by rename(2). Reads
 * /proc/PID/fd of all processes; without /proc the answer is no.
 */
export function hasOtherWriter(fd: number): boolean {
  const name = quietly(() => readlinkSync(`/proc/self/fd/${fd}`));
  if (name === undefined) return false;
  const { dev, ino } = fstatSync(fd);
  const writes = (path: string) => {
    // By name first: stat(2) of an open file on a dead network mount would hang.
    if (quietly(() => readlinkSync(path)) !== name) return false;
    const mode = quietly(() => lstatSync(path).mode) ?? 0;
    const stats = quietly(() => statSync(path));
    return (mode & OPEN_FOR_WRITING) !== 0 && stats?.dev === dev && stats.ino === ino;
  };
  return (quietly(() => readdirSync('/proc')) ?? [])
    .filter((entry) => /^[0-9]+$/.test(entry) && entry !== String(process.pid))
    .some((pid) =>
      quietly(() => readdirSync(`/proc/${pid}/fd`))?.some((n) => writes(`/proc/${pid}/fd/${n}`)),
    );
}
