import { fstatSync, write, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { Serial } from '../serial.ts';
import { loadAddon } from '../signals/addon.ts';
import { SLOW_READER_MS, STDOUT } from './stdio.ts';
import { takeBack } from './take-back.ts';

/** PIPE_BUF on Linux: a pipe that is writable takes this much without blocking (pipe(7)). */
const PIPE_BUF = 4096;

/**
 * A reader of a full pipe that only waits for its turn on the processor gets it within so many milliseconds. It is
 * waited for once in a while, as the broker is not answered then; a reader that is slower is left to a thread.
 */
const PATIENCE_MS = 10;
const PATIENT_EVERY_MS = 100;

/**
 * Writes messages to stdout, whole and in order. Returns when the message is written, or returns a promise if the
 * reader is slow: then a thread waits for it while this one keeps answering signals.
 */
export class Printer {
  readonly #isFile = fstatSync(STDOUT).isFile();
  readonly #turns = new Serial();
  /** Lines that are not written yet. */
  #waiting = 0;
  #lastWaitAt = Number.NEGATIVE_INFINITY;
  /** Why a line could not be written: after half a line another one would be taken for its rest. */
  #failure: unknown;

  /** @throws the error of write(2), EPIPE if the reader is gone; then a file contains nothing of the line */
  print(line: Uint8Array): void | Promise<void> {
    if (this.#isFile) return writeToFile(line);
    if (this.#waiting === 0 && this.#canWriteNow(line.length)) {
      for (let at = 0; at < line.length; ) at += writeSync(STDOUT, line, at);
      return;
    }
    this.#waiting++;
    return this.#turns.add(() => this.#write(line));
  }

  async #write(line: Uint8Array): Promise<void> {
    try {
      if (this.#failure !== undefined) throw this.#failure;
      await writeAll(line);
    } catch (error) {
      this.#failure = error;
      throw error;
    } finally {
      this.#waiting--;
    }
  }

  #canWriteNow(bytes: number): boolean {
    const { addon } = loadAddon();
    if (!addon || bytes > PIPE_BUF) return false;
    if (addon.writable(STDOUT, 0) === 1) return true;
    const now = clockMs();
    if (now - this.#lastWaitAt < PATIENT_EVERY_MS) return false;
    this.#lastWaitAt = now;
    return addon.writable(STDOUT, PATIENCE_MS) === 1;
  }
}

function writeToFile(line: Uint8Array): void {
  let at = 0;
  try {
    while (at < line.length) at += writeSync(STDOUT, line, at);
  } catch (error) {
    takeBack(STDOUT, line.subarray(0, at));
    throw error;
  }
}

async function writeAll(line: Uint8Array): Promise<void> {
  for (let at = 0; at < line.length; ) {
    try {
      at += await new Promise<number>((resolve, reject) => {
        write(STDOUT, line, at, (error, written) => (error ? reject(error) : resolve(written)));
      });
    } catch (error) {
      // Another program has made it non-blocking, for everybody who shares it.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await sleep(SLOW_READER_MS);
    }
  }
}
