import { FileIdentity } from './file-identity.ts';
import type { StoreLock } from './store-lock.ts';

/** Where a store was opened: whether it is still there, or messages would be written to files that nobody finds. */
export class StorePlace {
  readonly #lock: StoreLock;
  readonly #files: readonly FileIdentity[];

  /** @throws Error if the store or its log is not there */
  constructor(path: string, lock: StoreLock) {
    this.#lock = lock;
    this.#files = [path, `${path}-wal`].map((file) => new FileIdentity(file));
  }

  /** Neither the store nor its folder has been moved, deleted or replaced. Costs two calls of stat(2). */
  isThere(): boolean {
    return this.#files.every((file) => file.isThere());
  }

  /** Another broker has it as well: somebody has deleted the lock. */
  isTaken(): boolean {
    return this.#lock.isLost() && this.isThere();
  }
}
