import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { cliErrors } from './errors.ts';

const STDIN = 0;
const CHUNK_BYTES = 65_536;

/** Chunks of a file, or of standard input for `-`. @throws SigmqError cannot-read */
function* chunks(path: string): Generator<Buffer> {
  const name = path === '-' ? 'standard input' : path;
  let fd = -1;
  try {
    fd = path === '-' ? STDIN : openSync(path, 'r');
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const bytes = readChunk(fd, chunk);
      if (bytes === 0) return;
      yield chunk.subarray(0, bytes);
    }
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code
      ? cliErrors.cannotRead(name, error as Error)
      : error;
  } finally {
    if (fd > STDIN) closeSync(fd);
  }
}

/** Standard input may be in non-blocking mode (another program left it so): then wait and ask again. */
function readChunk(fd: number, chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, chunk);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/**
 * A whole file, or standard input for `-`. Reads at most one byte more than `max`, so that a message
 * that is too large is noticed without holding it.
 */
export function readWhole(path: string, max: number): Buffer {
  const parts: Buffer[] = [];
  let size = 0;
  for (const chunk of chunks(path)) {
    parts.push(chunk);
    size += chunk.length;
    if (size > max) break;
  }
  return Buffer.concat(parts);
}

/** Size of a regular file in bytes; undefined for anything else. */
export function knownSize(path: string): number | undefined {
  if (path === '-') return regularSize(STDIN);
  try {
    const fd = openSync(path, 'r');
    try {
      return regularSize(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw cliErrors.cannotRead(path, error as Error);
  }
}

function regularSize(fd: number): number | undefined {
  const stats = fstatSync(fd);
  return stats.isFile() ? stats.size : undefined;
}

/**
 * Lines (or what else ends in `end`) without their end, as they come: each array is what could be read at
 * once. The last one may lack its end. One over `max` bytes comes cut at max + 1, and is the last.
 * @throws SigmqError cannot-read
 */
export async function* records(path: string, end: number, max: number): AsyncGenerator<Buffer[]> {
  const stream = path === '-' ? process.stdin : createReadStream(path);
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
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
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw cliErrors.cannotRead(path === '-' ? 'standard input' : path, error as Error);
  }
  if (rest.length > 0) yield [rest.subarray(0, max + 1)];
}
