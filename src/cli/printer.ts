import { fstatSync, write, writeSync } from 'node:fs';
import { loadAddon } from '../signals/addon.ts';

const STDOUT = 1;
/** PIPE_BUF on Linux: a pipe that is writable takes so much without blocking (pipe(7)). */
const PIPE_BUF = 4096;

/**
 * Writes messages to stdout, whole and in order. Returns when it is written, or a
 * promise when the reader is slow: then a thread waits for it and this one goes on answering signals.
 */
export class Printer {
  readonly #isFile = fstatSync(STDOUT).isFile();
  #last: Promise<void> | undefined;

  /** @throws the error of write(2), EPIPE when the reader is gone */
  print(line: Uint8Array): void | Promise<void> {
    if (this.#last === undefined && this.#canWriteNow(line.length)) {
      for (let at = 0; at < line.length; ) at += writeSync(STDOUT, line, at);
      return;
    }
    const mine = (this.#last ?? Promise.resolve()).then(() => writeAll(line));
    this.#last = mine;
    const clear = () => {
      if (this.#last === mine) this.#last = undefined;
    };
    mine.then(clear, clear);
    return mine;
  }

  #canWriteNow(bytes: number): boolean {
    if (this.#isFile) return true;
    return bytes <= PIPE_BUF && loadAddon().addon?.writable(STDOUT) === 1;
  }
}

async function writeAll(buffer: Uint8Array): Promise<void> {
  for (let at = 0; at < buffer.length; ) {
    at += await new Promise<number>((resolve, reject) => {
      write(STDOUT, buffer, at, (error, written) => (error ? reject(error) : resolve(written)));
    });
  }
}
