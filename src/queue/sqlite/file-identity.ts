import { statSync } from 'node:fs';

/** A file as it was when we opened it, to tell it from another one that gets its name later. */
export class FileIdentity {
  readonly path: string;
  readonly #known: string;

  /** @throws Error if there is none */
  constructor(path: string) {
    this.path = path;
    this.#known = identityOf(path);
  }

  /** Whether it still has its name; costs one stat(2). */
  isThere(): boolean {
    try {
      return identityOf(this.path) === this.#known;
    } catch {
      return false;
    }
  }
}

function identityOf(path: string): string {
  const { dev, ino } = statSync(path);
  return `${dev}:${ino}`;
}
