import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { explained } from '../errors.ts';
import { registryErrors } from './errors.ts';

/** Links are not followed, and a FIFO in place of the file does not make us hang. */
export const SAFE_OPEN = constants.O_NOFOLLOW | constants.O_NONBLOCK;

export interface SmallFile {
  /** One character per byte (latin1), so that any bytes survive reading and writing. */
  readonly text: string;
  /** The file has more than was read. */
  readonly truncated: boolean;
  /** When the last part of `text` was written. */
  readonly mtimeMs: number;
}

/**
 * Reads at most `maxBytes` of a file. Anything that exists but cannot be read (a directory, a link, a FIFO, no
 * permission) reads as empty.
 * @returns undefined if there is no such file
 * @throws SigmqError no-descriptors, and other errors of the system
 */
export function readSmallFile(path: string, maxBytes: number): SmallFile | undefined {
  const unreadable = { text: '', truncated: false, mtimeMs: 0 };
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | SAFE_OPEN);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP' || code === 'EACCES' || code === 'EPERM' || code === 'ENXIO')
      return unreadable;
    throw explained(error);
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return unreadable;
    const { text, mtimeMs, bytes } = dated(fd, (size) => readFrom(fd, 0, maxBytes, size), stats);
    return { text, truncated: bytes > maxBytes, mtimeMs };
  } finally {
    closeSync(fd);
  }
}

/** How often to read again a file that is being written while we read it. */
const READ_LOOKS = 10;

/** What was read of a file. */
interface Dated {
  readonly text: string;
  readonly mtimeMs: number;
  /** Of all of the file, afterwards. */
  readonly bytes: number;
}

/**
 * What `read` gets from a file, and when that was written. A time later than the text would make old lines young;
 * one that is a little earlier (others write all the time) does no harm.
 * @param read is told the size of the file
 * @param before what fstat(2) said of it just now
 */
export function dated(fd: number, read: (size: number) => string, before = fstatSync(fd)): Dated {
  let { mtimeMs, size } = before;
  for (let look = 1; ; look++) {
    const text = read(size);
    const after = fstatSync(fd);
    if (look === READ_LOOKS || after.mtimeMs === mtimeMs)
      return { text, mtimeMs, bytes: after.size };
    ({ mtimeMs, size } = after);
  }
}

/**
 * Reads at most `maxBytes` starting at `offset` (bytes), as far as the file reaches.
 * @param reaches the size of the file; default: now
 * @returns one character per byte (latin1)
 */
export function readFrom(
  fd: number,
  offset: number,
  maxBytes: number,
  reaches = fstatSync(fd).size,
): string {
  const size = Math.max(0, reaches - offset);
  const bytes = Buffer.allocUnsafe(Math.min(size, maxBytes));
  let length = 0;
  while (length < bytes.length) {
    const got = readSync(fd, bytes, length, bytes.length - length, offset + length);
    if (got === 0) break;
    length += got;
  }
  return bytes.toString('latin1', 0, length);
}

/**
 * Replaces a file atomically: nobody ever reads half of it.
 * @param text one character per byte (latin1)
 * @param beforeRename throws if the file must stay as it is
 * @throws RegistryError cannot-write
 */
export function replaceFile(path: string, text: string, beforeRename: () => void): void {
  const beside = `${path}.${process.pid}.tmp`;
  try {
    removeFile(beside); // left by an earlier process with our PID that was killed
    writeFileSync(beside, text, { encoding: 'latin1', flag: 'wx', mode: 0o600 });
  } catch (error) {
    removeFile(beside);
    throw registryErrors.cannotWrite(path, error);
  }
  try {
    beforeRename();
    renameSync(beside, path);
  } catch (error) {
    removeFile(beside);
    // For example, there is a directory in its place. What `beforeRename` throws is not an error of the system.
    throw (error as NodeJS.ErrnoException).syscall
      ? registryErrors.cannotWrite(path, error)
      : error;
  }
}

/** Removes a file that may already be gone. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
