import { closeSync, openSync, readFileSync } from 'node:fs';
import { storeErrors } from '../errors.ts';

/** A store and its driver open 11 (libsql 0.5); without them the driver ends the process, or names no reason. */
const DESCRIPTORS = 16;
/** The files of an empty store have 120 KiB, and nothing could be put into it. */
const MIN_FILE_BYTES = 256 << 10;
/** The index of the log, which readers write, too (https://sqlite.org/walformat.html). */
export const LOG_INDEX_BYTES = 32 << 10;

/** Whether a limit of this process (`ulimit -n`) keeps it from opening a store. @throws StoreError no-descriptors */
export function assertDescriptors(): void {
  const open: number[] = [];
  try {
    while (open.length < DESCRIPTORS) open.push(openSync('/', 'r'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE')
      throw storeErrors.fewDescriptors(DESCRIPTORS, open.length, error);
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

/**
 * Whether a limit of this process (`ulimit -f`) keeps it from opening a store.
 * @param needed how large its files have to be
 * @throws StoreError file-limit
 */
export function assertFileSize(path: string, needed = MIN_FILE_BYTES): void {
  const max = maxFileBytes();
  if (max < needed) throw storeErrors.smallFiles(path, max);
}

/** RLIMIT_FSIZE of this process. */
export function maxFileBytes(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max file size +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
