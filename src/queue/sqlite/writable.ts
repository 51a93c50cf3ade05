import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { storeErrors } from '../errors.ts';

/** The files that appear in the folder of a store over time. */
const FILES = ['queue.db', 'queue.db-wal', 'queue.db-shm', 'queue.lock'];

/**
 * On a read-only file system SQLite says that it cannot open a file, and without permission it says the same as for
 * a file that may not be written. So what would keep it from writing is checked beforehand.
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
