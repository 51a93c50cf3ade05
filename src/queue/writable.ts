import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { storeErrors } from './errors.ts';

/** What a store has beside its folder, by and by. */
const FILES = ['queue.db', 'queue.db-wal', 'queue.db-shm', 'queue.lock'];

/**
 * SQLite says of a folder on a read-only file system that it cannot open a file, and of a file without the
 * permission the same as of one that it may not write: what keeps it from writing is asked before.
 * @throws StoreError not-writable
 */
export function assertWritable(folder: string): void {
  for (const path of [folder, ...FILES.map((name) => join(folder, name))]) {
    try {
      accessSync(path, constants.R_OK | constants.W_OK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') throw storeErrors.notWritable(path, error);
    }
  }
}
