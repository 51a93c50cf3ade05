import { closeSync, constants, fstatSync, lstatSync, openSync, type Stats } from 'node:fs';

/** Takes a shared lock of flock(2) on a descriptor; the addon's. */
export type ShareLock = (fd: number) => number;

/**
 * The runtime directory, held by a descriptor, which shows whether its path still leads there. A shared lock on it
 * keeps systemd-tmpfiles(8) away, which takes an exclusive lock on a directory before it removes old files in it.
 */
export class DirDescriptor {
  readonly path: string;
  readonly #fd: number;
  readonly #stats: Stats;

  /** @throws the error of open(2) */
  constructor(path: string, shareLock: ShareLock | undefined) {
    this.path = path;
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    this.#stats = fstatSync(this.#fd);
    shareLock?.(this.#fd); // somebody else's exclusive lock should not keep us from starting
  }

  get isThere(): boolean {
    const now = lstatSync(this.path, { throwIfNoEntry: false });
    return now?.ino === this.#stats.ino && now.dev === this.#stats.dev;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
