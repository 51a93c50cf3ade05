import { closeSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { loadAddon } from '../signals/addon.ts';
import { passError } from './output.ts';

/** What is remembered of what a command has said on its standard error: the end, in bytes. */
const TAIL_BYTES = 1024;
/** What a pipe holds (pipe(7)): so much may come at once when a command has ended; bytes. */
const PIPE_BYTES = 64 << 10;

/**
 * The standard error of a command: goes on to ours, byte for byte, and its end is remembered. It is a pipe, so that
 * `/dev/stderr` can be opened; the command waits when our reader is slow, as it would without us.
 */
export class JobStderr {
  readonly #reader: number;
  readonly #socket: Socket;
  #writer: number | undefined;
  #isOver = false;
  #tail = Buffer.alloc(0);

  /** Undefined: there is no pipe to be had, and the command gets our own. */
  static open(): JobStderr | undefined {
    const ends = loadAddon().addon?.pipe();
    return ends && new JobStderr(...ends);
  }

  private constructor(reader: number, writer: number) {
    this.#reader = reader;
    this.#writer = writer;
    this.#socket = new Socket({ fd: reader, readable: true, writable: false });
    this.#socket.on('data', (bytes) => this.#take(bytes));
    this.#socket.on('error', () => {}); // as at its end
    for (const event of ['end', 'close']) {
      this.#socket.on(event, () => {
        this.#isOver = true;
      });
    }
  }

  /** For the command. */
  get writer(): number | 'inherit' {
    return this.#writer ?? 'inherit';
  }

  /** The command has been started, or cannot be: from now on only it, and what it starts, can write. */
  started(): void {
    if (this.#writer !== undefined) closeSync(this.#writer);
    this.#writer = undefined;
  }

  /** The command has ended. @returns the end of what it has said. What it has started may go on saying something. */
  end(): string {
    this.#drain();
    return endOf(this.#tail);
  }

  /** What the event loop has not read yet. */
  #drain(): void {
    const buffer = Buffer.alloc(PIPE_BYTES);
    for (let read = 0; read < PIPE_BYTES && !this.#isOver; ) {
      let bytes: number;
      try {
        bytes = readSync(this.#reader, buffer);
      } catch {
        return; // there is nothing more at the moment
      }
      if (bytes === 0) return;
      read += bytes;
      this.#take(Buffer.from(buffer.subarray(0, bytes)));
    }
  }

  #take(bytes: Buffer): void {
    this.#tail = Buffer.concat([this.#tail, bytes.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
    const passing = passError(bytes);
    if (!passing) return;
    this.#socket.pause();
    void passing.then(() => this.#socket.resume());
  }
}

/** As text; a character of which only the end is there is left out. */
function endOf(bytes: Uint8Array): string {
  const isRest = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80;
  let start = 0;
  if (bytes.length === TAIL_BYTES) while (start < 3 && isRest(bytes[start])) start++;
  return Buffer.from(bytes.subarray(start)).toString().trim();
}
