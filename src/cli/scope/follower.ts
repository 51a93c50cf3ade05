import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { SigmqError } from '../../errors.ts';
import { quietly } from '../../quietly.ts';
import { cliErrors } from '../errors.ts';
import { VcdReader } from './vcd-reader.ts';

/** Read at a time; bytes. */
const CHUNK = 1 << 16;

/** Reads a recording that another program writes, as far as it has come. */
export class Follower {
  readonly #path: string;
  readonly #buffer = Buffer.allocUnsafe(CHUNK);
  readonly #decoder = new TextDecoder('latin1');
  #fd: number | undefined;
  #inode = 0;
  #offset = 0;
  #reader: VcdReader | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** What has been read so far; undefined: there is no file. */
  get recording(): VcdReader | undefined {
    return this.#reader;
  }

  /**
   * Reads what is new. A file that has taken the place of the one before, or was made anew, is read from its beginning.
   * @returns whether there is anything new
   * @throws SigmqError not-a-recording; cannot-read, but not because there is no file
   */
  read(): boolean {
    try {
      return this.#readOn();
    } catch (error) {
      throw error instanceof SigmqError ? error : cliErrors.cannotRead(this.#path, error as Error);
    }
  }

  #readOn(): boolean {
    if (this.#isReplaced()) this.close();
    if (this.#fd === undefined && !this.#open()) return false;
    const fd = this.#fd as number;
    let isNew = false;
    for (;;) {
      const got = readSync(fd, this.#buffer, 0, CHUNK, null);
      if (got === 0) return isNew;
      this.#offset += got;
      this.#reader?.push(this.#decoder.decode(this.#buffer.subarray(0, got)));
      isNew = true;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #isReplaced(): boolean {
    if (this.#fd === undefined) return false;
    const there = quietly(() => statSync(this.#path));
    return there !== undefined && (there.ino !== this.#inode || there.size < this.#offset);
  }

  #open(): boolean {
    try {
      this.#fd = openSync(this.#path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    this.#inode = fstatSync(this.#fd).ino;
    this.#offset = 0;
    this.#reader = new VcdReader(this.#path);
    return true;
  }
}
