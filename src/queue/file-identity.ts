import { statSync } from 'node:fs';

/** A file as it was when we opened it, told from another one that has its name later. */
export class FileIdentity {
  readonly path: string;
  readonly #known: string;

  /** @throws Error when there is none */
  constructor(path: string) {
    this.path = path;
    this.#known = identityOf(path);
  }

  /** It still stands under its name; costs a stat(2). */
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
