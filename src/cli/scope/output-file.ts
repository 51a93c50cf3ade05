import { closeSync, constants, fstatSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { quietly } from '../../quietly.ts';
import { sleepSync } from '../../sleep-sync.ts';
import { SLOW_READER_MS } from '../stdio.ts';
import { scopeErrors } from './errors.ts';

const { O_CREAT, O_EXCL, O_NONBLOCK, O_TRUNC, O_WRONLY } = constants;
/** A pipe whose reader takes nothing for so long is given up: signals are waiting meanwhile; ms. */
const STUCK_MS = 2000;

/** Where a recording or its picture goes: a file that is made for it, or a pipe or device that is there. */
export class OutputFile {
  readonly #path: string;
  readonly #fd: number;
  readonly #isNew: boolean;
  #isOpen = true;

  /**
   * @param replaces an existing file
   * @throws SigmqError recording-exists, cannot-record
   */
  constructor(path: string, replaces: boolean) {
    this.#path = path;
    const there = quietly(() => statSync(path));
    if (there?.isFile() && !replaces) throw scopeErrors.exists(path);
    this.#isNew = !there;
    const made = O_CREAT | (replaces ? O_TRUNC : O_EXCL);
    try {
      // Opening a pipe would wait for its reader (fifo(7)).
      this.#fd = openSync(
        path,
        O_WRONLY | O_NONBLOCK | (there && !there.isFile() ? 0 : made),
        0o666,
      );
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') throw scopeErrors.exists(path);
      if (code === 'ENXIO' && there?.isFIFO()) throw scopeErrors.noReader(path, error);
      throw scopeErrors.cannotRecord(path, error);
    }
  }

  /** @throws SigmqError cannot-record */
  write(text: string): void {
    const bytes = Buffer.from(text);
    for (let at = 0, stuckMs = 0; at < bytes.length; ) {
      try {
        at += writeSync(this.#fd, bytes, at);
        stuckMs = 0;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN')
          throw scopeErrors.cannotRecord(this.#path, error);
        if (stuckMs >= STUCK_MS) throw scopeErrors.stuckReader(this.#path, error);
        sleepSync(SLOW_READER_MS);
        stuckMs += SLOW_READER_MS;
      }
    }
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#fd);
    this.#isOpen = false;
  }

  /** Closes it. If it was made for this, and still has its name, it goes: there is nothing to keep. */
  discard(): void {
    const named = this.#isOpen && this.#isNew ? quietly(() => statSync(this.#path)) : undefined;
    if (named && named.ino === fstatSync(this.#fd).ino) quietly(() => rmSync(this.#path));
    this.close();
  }
}
