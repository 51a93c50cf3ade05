import { closeSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import { storeErrors } from '../errors.ts';

/** @throws StoreError if it cannot be made, or is not ours alone */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw storeErrors.cannotCreate(folder, error);
  }
  assertOwnFolder(folder);
}

/** @throws StoreError it is not ours alone */
export function assertOwnFolder(folder: string): void {
  const stats = lstatSync(folder);
  if (!stats.isDirectory()) throw storeErrors.unsafe(folder, 'is not a directory');
  if (stats.uid !== process.getuid?.()) throw storeErrors.unsafe(folder, 'belongs to someone else');
  // Anyone who can write here can put a write-ahead log beside the store, and with it messages into the store.
  if (stats.mode & 0o022) throw storeErrors.unsafe(folder, 'can be written by others');
}

/**
 * Makes the file before SQLite does, which would give it another mode, or follow a link. An existing file is not
 * opened: closing any descriptor of a file drops all locks that this process has on it (fcntl(2)), including those
 * of another store.
 */
export function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw storeErrors.cannotCreate(path, error);
  }
  assertOwnFile(path);
}

/** @throws StoreError it is no file of ours */
export function assertOwnFile(path: string): void {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) throw storeErrors.unsafe(path, 'is a symbolic link');
  if (!stats.isFile()) throw storeErrors.unsafe(path, 'is not a regular file');
  if (stats.uid !== process.getuid?.()) throw storeErrors.unsafe(path, 'belongs to someone else');
}
