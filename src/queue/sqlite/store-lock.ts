import Database from 'libsql';
import { cannotOpen, StoreError, storeErrors } from '../errors.ts';
import { FileIdentity } from './file-identity.ts';
import { makeFile } from './own-files.ts';

type Db = Database.Database;

/**
 * Marks who has a store open: a transaction that never ends, on an empty file beside it. The kernel drops its lock
 * with the process, and the store itself stays readable for the sqlite3 shell.
 */
export class StoreLock {
  readonly #path: string;
  #db: Db;
  #file: FileIdentity;

  /**
   * @param store named in the error if another process has it
   * @param waitMs for a process that has it only for a moment; ms
   * @throws StoreError
   */
  constructor(path: string, store: string, waitMs: number) {
    this.#path = path;
    makeFile(path);
    this.#db = lock(path, store, waitMs);
    this.#file = new FileIdentity(path);
  }

  /**
   * Whether another broker can have taken the store because somebody deleted the file. If none has yet, the file is
   * made again.
   */
  isLost(): boolean {
    if (this.#file.isThere()) return false;
    try {
      makeFile(this.#path);
      const db = lock(this.#path, this.#path, 0);
      this.#db.close();
      this.#db = db;
      this.#file = new FileIdentity(this.#path);
      return false;
    } catch (error) {
      // Anything else, such as a missing folder: then nobody can lock a file there.
      return error instanceof StoreError && error.code === 'store-in-use';
    }
  }

  close(): void {
    this.#db.close();
  }
}

function lock(path: string, store: string, waitMs: number): Db {
  const db = new Database(path);
  try {
    db.exec(`PRAGMA busy_timeout = ${waitMs}; PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE`);
    return db;
  } catch (error) {
    db.close();
    const { code } = error as { code?: unknown };
    throw code === 'SQLITE_BUSY' ? storeErrors.inUse(store) : cannotOpen(path, error);
  }
}
