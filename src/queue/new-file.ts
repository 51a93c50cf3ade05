import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { storeErrors } from './errors.ts';

/** A file that gets its name when it is whole and on the disk: half of it never has the name of all of it. */
export class NewFile {
  /** Where to write it. */
  readonly path: string;
  readonly #goal: string;
  readonly #replaces: boolean;

  /**
   * @param replaces an existing file
   * @throws StoreError backup-exists, not-a-file, no-backup
   */
  constructor(target: string, replaces: boolean) {
    const goal = resolve(target);
    const there = statSync(goal, { throwIfNoEntry: false });
    // A device, a pipe or a directory would be replaced, or stay half of what it was.
    if (there && !there.isFile()) throw storeErrors.notAFile(goal);
    if (!replaces && there) throw storeErrors.exists(goal);
    this.#goal = goal;
    this.#replaces = replaces;
    // Beside the goal, so that it can be renamed.
    this.path = `${goal}.${process.pid}.part`;
    try {
      closeSync(openSync(this.path, 'wx', 0o600));
    } catch (error) {
      throw storeErrors.noBackup(goal, error);
    }
  }

  /** @throws StoreError backup-exists */
  put(): void {
    flush(this.path);
    if (this.#replaces) renameSync(this.path, this.#goal);
    else this.#putInPlace();
    flush(dirname(this.#goal));
  }

  /** Does nothing to what has its name. */
  discard(): void {
    rmSync(this.path, { force: true });
  }

  /** Like rename(2), but never over a file that has appeared in the meantime. */
  #putInPlace(): void {
    try {
      linkSync(this.path, this.#goal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw storeErrors.exists(this.#goal);
      renameSync(this.path, this.#goal); // a file system without hard links
    }
  }
}

function flush(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
