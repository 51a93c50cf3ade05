import { closeSync, constants, createReadStream, fstatSync, openSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { builtin } from '../builtin.ts';
import { SigmqError } from '../errors.ts';
import { cliErrors } from './errors.ts';
import { STDIN } from './stdio.ts';
import { isatty } from './terminal.ts';

/**
 * A whole file, or standard input for `-`. Reads little more than `max` bytes, so that a message that is too large
 * is noticed without keeping all of it.
 * @throws SigmqError cannot-read, and the reason of `signal`
 */
export async function readWhole(path: string, max: number, signal?: AbortSignal): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks(path, signal)) {
    parts.push(chunk);
    size += chunk.length;
    if (size > max) break;
  }
  return Buffer.concat(parts);
}

/**
 * Lines (or records that end in `end`) without their end, as they arrive: each array is what could be read at a
 * time. The last one may lack its end. A line longer than `max` bytes is cut at max + 1, and is the last one.
 * @throws SigmqError cannot-read, and the reason of `signal`
 */
export async function* records(
  path: string,
  end: number,
  max: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks(path, signal)) {
    let data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const found: Buffer[] = [];
    for (let at = data.indexOf(end); at !== -1; at = data.indexOf(end)) {
      found.push(data.subarray(0, at));
      data = data.subarray(at + 1);
    }
    rest = data;
    if (found.length > 0) yield found;
    if (rest.length > max) break;
  }
  if (rest.length > 0) yield [rest.subarray(0, max + 1)];
}

/** Size of a regular file in bytes; undefined for anything else. @throws SigmqError cannot-read */
export function knownSize(path: string): number | undefined {
  try {
    const stats = path === '-' ? fstatSync(STDIN) : statSync(path);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    throw cliErrors.cannotRead(nameOf(path), error as Error);
  }
}

/** What can be read, as it arrives; the event loop keeps running in the meantime. */
async function* chunks(path: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
  let stream: Readable | undefined;
  const abort = () => stream?.destroy(signal?.reason);
  try {
    signal?.throwIfAborted();
    stream = path === '-' ? process.stdin : streamOf(path);
    signal?.addEventListener('abort', abort);
    yield* stream as AsyncIterable<Buffer>;
  } catch (error) {
    if (error instanceof SigmqError || (error as NodeJS.ErrnoException).code === undefined) {
      throw error;
    }
    throw cliErrors.cannotRead(nameOf(path), error as Error);
  } finally {
    signal?.removeEventListener('abort', abort);
    stream?.destroy(); // or it would keep the process alive
  }
}

/**
 * Opening a FIFO, or reading from one, may take for ever, and a thread that does so keeps the process from ending.
 * So anything that may block is opened without waiting, and left to the event loop.
 */
function streamOf(path: string): Readable {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (stats.isFIFO()) {
      const { Socket } = builtin('net');
      return new Socket({ fd, readable: true, writable: false });
    }
    if (isatty(fd)) {
      const { ReadStream } = builtin('tty');
      return new ReadStream(fd);
    }
    return createReadStream(path, { fd });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path;
}
