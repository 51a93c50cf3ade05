import { FileIdentity } from './file-identity.ts';
import type { StoreLock } from './store-lock.ts';

/** Where a store was opened: whether it is there still, or messages would be written to files that nobody finds. */
export class StorePlace {
  readonly #lock: StoreLock;
  readonly #files: readonly FileIdentity[];

  /** @throws Error when the store or its log is not there */
  constructor(path: string, lock: StoreLock) {
    this.#lock = lock;
    this.#files = [path, `${path}-wal`].map((file) => new FileIdentity(file));
  }

  /** Neither moved nor deleted nor replaced, nor its folder. Costs two calls of stat(2). */
  isThere(): boolean {
    return this.#files.every((file) => file.isThere());
  }

  /** Another broker has it, too: somebody has deleted the lock. */
  isTaken(): boolean {
    return this.#lock.isLost() && this.isThere();
  }
}
