import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_CONSUMERS_BYTES, MAX_CONSUMERS_LINES, parseConsumers } from './consumers-file.ts';
import { withLock } from './lock.ts';
import { hasOtherWriter } from './open-files.ts';
import type { ProcessTable } from './process-table.ts';
import { readFrom, SAFE_OPEN } from './small-file.ts';
import { wholeLines } from './whole-lines.ts';
import { witnessed } from './witness.ts';

/** Covers a program that is inside open(2), between finding the old file and having a descriptor; ms. */
const LOOK_MS = 20;
/** A program that keeps the old file open for longer is not about to append its one line; ms. */
const MAX_LOOK_MS = 1000;

/**
 * Saves the lines that foreign programs append to consumers.txt while we replace it. Who opened the file
 * before the rename writes into the old one, which nobody would read again. So we keep it open, and carry
 * over what it grew by until nobody has it open for writing.
 */
export class LateAppends {
  readonly #path: string;
  readonly #old: number;
  readonly #table: ProcessTable;
  /** Up to here the old file is in the new one; bytes. */
  #offset: number;

  /** @param old descriptor of the file that was replaced; closed by `settle` */
  constructor(path: string, old: number, offset: number, table: ProcessTable) {
    this.#path = path;
    this.#old = old;
    this.#offset = offset;
    this.#table = table;
  }

  /** Carries over the lines that are complete by now. Call with the lock held. */
  carryLines(): void {
    const text = this.#grown();
    this.#carry(text.slice(0, text.lastIndexOf('\n') + 1));
  }

  /** Waits for the last writers and carries over what is left, then closes the old file. */
  async settle(): Promise<void> {
    try {
      const deadline = performance.now() + MAX_LOOK_MS;
      do await sleep(LOOK_MS);
      while (hasOtherWriter(this.#old) && performance.now() < deadline);
      if (this.#grown() !== '')
        await withLock(this.#path, () => this.#carry(wholeLines(() => this.#grown())));
    } finally {
      closeSync(this.#old);
    }
  }

  #grown(): string {
    return readFrom(this.#old, this.#offset, MAX_CONSUMERS_BYTES);
  }

  #carry(text: string): void {
    if (text === '') return;
    let fd: number;
    try {
      fd = openSync(this.#path, constants.O_RDWR | constants.O_APPEND | SAFE_OPEN);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // removed on purpose
      throw error;
    }
    try {
      const end = wholeLines(() => lastByte(fd));
      const before = end === '' || end === '\n' ? '' : '\n';
      writeSync(fd, `${before}${this.#lines(text)}`, null, 'latin1');
      this.#offset += text.length;
    } finally {
      closeSync(fd);
    }
  }

  /** In the new file they are younger than where they were written. */
  #lines(text: string): string {
    const lines = parseConsumers(text, fstatSync(this.#old).mtimeMs);
    if (lines.length > MAX_CONSUMERS_LINES) return text.endsWith('\n') ? text : `${text}\n`;
    return witnessed(lines, this.#table)
      .map(({ raw }) => `${raw}\n`)
      .join('');
  }
}

function lastByte(fd: number): string {
  const { size } = fstatSync(fd);
  return size === 0 ? '' : readFrom(fd, size - 1, 1);
}
