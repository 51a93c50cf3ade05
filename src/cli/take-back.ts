import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { loadAddon } from '../signals/addon.ts';
import { flagsOf } from './descriptors.ts';

/**
 * Removes the beginning of a message from the end of a file that accepted no more of it: whoever reads the file
 * would take it for a message. Others may append to the file too: if what is at its end is not ours, it stays.
 * @param written what was written last, by this descriptor
 * @returns whether nothing of it is left
 */
export function takeBack(fd: number, written: Uint8Array): boolean {
  if (written.length === 0) return true;
  try {
    const { size } = fstatSync(fd);
    if (!Buffer.from(written).equals(lastBytes(fd, size, written.length))) return false;
    ftruncateSync(fd, size - written.length);
    // Whoever writes next through the same open file would leave a hole, unless it appends.
    if ((flagsOf(fd) & constants.O_APPEND) === 0) loadAddon().addon?.seekBack(fd, written.length);
    return true;
  } catch {
    return false; // it may only be written, or only appended to (chattr +a)
  }
}

function lastBytes(fd: number, size: number, count: number): Buffer {
  const last = Buffer.alloc(count);
  const reader = openSync(`/proc/self/fd/${fd}`, 'r');
  try {
    let at = 0;
    while (at < count) {
      const bytes = readSync(reader, last, at, count - at, size - count + at);
      if (bytes === 0) break;
      at += bytes;
    }
    return last.subarray(0, at);
  } finally {
    closeSync(reader);
  }
}
