import { closeSync, fstatSync, readSync } from 'node:fs';
import { namelessFile } from './nameless-file.ts';

/** How often to check that a command does not write without end; ms. */
const LOOK_MS = 200;

/**
 * What a command writes to its standard output, when somebody else is to have it: a file without a name, because a
 * socket, which Node would give it, cannot be opened again (`echo >/dev/stdout`). A process that the command leaves
 * behind may hold it open; that changes nothing.
 */
export class JobOutput {
  /** For the command. */
  readonly writer: number;
  readonly #reader: number;
  readonly #maxBytes: number;
  #look: NodeJS.Timeout | undefined;

  /** @throws the error of the system call */
  constructor(maxBytes: number, fallback: string) {
    const { reader, writer } = namelessFile(fallback, () => {});
    this.#maxBytes = maxBytes;
    this.#reader = reader;
    this.writer = writer;
  }

  /** @param tooMuch called once, if it writes more than that */
  watch(tooMuch: () => void): void {
    this.#look = setInterval(() => {
      if (!this.isTooLong) return;
      clearInterval(this.#look);
      tooMuch();
    }, LOOK_MS);
  }

  get isTooLong(): boolean {
    return fstatSync(this.#reader).size > this.#maxBytes;
  }

  /** What is there by now; nothing if it is too long. */
  read(): Uint8Array {
    const { size } = fstatSync(this.#reader);
    if (size > this.#maxBytes) return new Uint8Array();
    const bytes = Buffer.alloc(size);
    let at = 0;
    while (at < size) {
      const count = readSync(this.#reader, bytes, at, size - at, at);
      if (count === 0) break; // somebody has cut it
      at += count;
    }
    return bytes.subarray(0, at);
  }

  close(): void {
    clearInterval(this.#look);
    closeSync(this.#reader);
    closeSync(this.writer);
  }
}
