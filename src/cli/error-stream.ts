import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { loadAddon } from '../signals/addon.ts';
import { STDERR } from './stdio.ts';

/** How much may wait for a slow reader; what comes then is dropped and counted; bytes. */
const MAX_WAITING = 64 << 10;
/** How often to try again while the reader accepts no more; ms. */
const READER_RETRY_MS = 100;
/** PIPE_BUF on Linux: how much room poll(2) promises; bytes. */
const CHUNK = 4096;

/**
 * stderr of a long-running program. If nobody reads it, as with a terminal after Ctrl-S or a pager, the program is
 * not held up: Node's own stream would wait for terminals and pipes.
 */
export class ErrorStream {
  readonly #fd: number;
  /** Whether a write may block, so that one has to ask first. */
  readonly #maySleep: boolean;
  readonly #noticeOf: (dropped: number) => string;
  readonly #waiting: Buffer[] = [];
  #bytes = 0;
  #dropped = 0;
  #retry: NodeJS.Timeout | undefined;
  readonly #onRoom: (() => void)[] = [];

  /** @param noticeOf returns the line that says how many are missing */
  constructor(noticeOf: (dropped: number) => string) {
    this.#noticeOf = noticeOf;
    const own = ownDescriptor();
    this.#fd = own ?? STDERR;
    this.#maySleep = own === undefined && !isFile();
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#bytes + bytes.length > MAX_WAITING) {
      this.#dropped++;
      return;
    }
    this.#push(bytes);
    this.flush();
  }

  /**
   * Writes all of it, whatever it is: nothing is dropped, so whoever calls this waits before the next time.
   * @returns undefined: there is room for more; otherwise resolves when there is
   */
  pass(bytes: Buffer): Promise<void> | undefined {
    this.#push(bytes);
    this.flush();
    if (this.#bytes === 0) return undefined;
    return new Promise((resolve) => this.#onRoom.push(resolve));
  }

  /** Writes as much as there is room for now. */
  flush(): void {
    clearTimeout(this.#retry);
    for (let first = this.#next(); first; first = this.#next()) {
      const written = this.#tryToWrite(first);
      if (written === undefined) {
        this.#retry = setTimeout(() => this.flush(), READER_RETRY_MS);
        this.#retry.unref();
        return;
      }
      this.#bytes -= written;
      if (written < first.length) this.#waiting[0] = first.subarray(written);
      else this.#waiting.shift();
    }
    for (const resolve of this.#onRoom.splice(0)) resolve();
  }

  /** What was dropped came after what is waiting. */
  #next(): Buffer | undefined {
    if (this.#waiting.length === 0 && this.#dropped > 0) {
      this.#push(Buffer.from(this.#noticeOf(this.#dropped)));
      this.#dropped = 0;
    }
    return this.#waiting[0];
  }

  #push(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
  }

  /** @returns bytes; undefined: there is no room now. What can never be written is dropped. */
  #tryToWrite(bytes: Buffer): number | undefined {
    if (this.#maySleep && loadAddon().addon?.writable(this.#fd, 0) === 0) return undefined;
    try {
      return writeSync(this.#fd, bytes, 0, Math.min(bytes.length, CHUNK));
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? undefined : bytes.length;
    }
  }
}

function isFile(): boolean {
  try {
    return fstatSync(STDERR).isFile();
  } catch {
    return false;
  }
}

/**
 * Another open file description of a terminal or a pipe, one that does not block: the one of the standard stream is
 * shared with other programs, which do not expect that. Undefined if there is none (a socket), or it may not be
 * opened.
 */
function ownDescriptor(): number | undefined {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    const stats = fstatSync(STDERR);
    if (!stats.isCharacterDevice() && !stats.isFIFO()) return undefined;
    return openSync(`/proc/self/fd/${STDERR}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return undefined;
  }
}
