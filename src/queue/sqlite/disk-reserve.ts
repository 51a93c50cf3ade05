import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  statfsSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { clockMs } from '../../clock.ts';

/**
 * Room for a log that waits for space (2 MiB, see DiskRoom) and for a large group of messages, with all their
 * overhead.
 */
const RESERVE_BYTES = 4 << 20;
/** In the folder of the store. */
export const RESERVE_NAME = 'queue.reserve';
/** At most this share of a small file system. */
const SHARE = 1 / 8;
/** Less is of no use: a settlement writes some pages of 4 KiB to the log and to the file. */
const MIN_BYTES = 32 << 10;
/**
 * The number of steps in which it is given up: whatever is freed and not needed goes to whoever is filling the
 * disk.
 */
const STEPS = 8;
/** A missing reserve is tried again, at most this often; ms. */
const RESERVE_RETRY_MS = 1000;
const CHUNK_BYTES = 1 << 18;
/** Each block differs from the others, because some file systems store equal blocks once. */
const RESERVE_BLOCK_BYTES = 4096;

/** Limits that statfs(2) does not show: quotas, and the maximum size of a file (`ulimit -f`). */
const HIDDEN_LIMITS: ReadonlySet<unknown> = new Set(['EDQUOT', 'EFBIG']);

/** How large the reserve should be on the file system of a folder. */
export function reserveBytes(folder: string): number {
  const { blocks, bsize } = statfsSync(folder);
  return Math.floor(Math.min(RESERVE_BYTES, blocks * bsize * SHARE));
}

/**
 * A file beside the store that holds room on the disk, so that messages can still be delivered when the disk is
 * full: taking, settling or removing messages also writes. While any of it is given up, no new messages should be
 * accepted.
 */
export class DiskReserve {
  readonly path: string;
  /** Bytes on the disk. */
  #bytes = 0;
  /** Its size in bytes when it was whole. */
  #size = 0;
  #isWhole = false;
  #wasWhole = false;
  #triedAt = Number.NEGATIVE_INFINITY;
  #impossible: string | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Bytes that can be relied on. */
  get size(): number {
    return this.#size;
  }

  /** Not whole, although it could be if there were room. */
  get isGiven(): boolean {
    return !this.#isWhole && this.#impossible === undefined;
  }

  /** Why there can be no reserve here; undefined: there is one, or could be if there were room. */
  get impossible(): string | undefined {
    return this.#impossible;
  }

  /** An earlier broker may have left one. */
  adopt(): void {
    this.#do((fd) => {
      const { size, blocks } = fstatSync(fd);
      this.#bytes = Math.min(size, blocks * 512);
      this.#size = this.#bytes;
    });
  }

  /** Whether new messages may be accepted. Makes the reserve whole if necessary and possible. */
  isWhole(): boolean {
    if (this.#isWhole || this.#impossible !== undefined) return true;
    const now = clockMs();
    if (now - this.#triedAt < RESERVE_RETRY_MS) return false;
    this.#triedAt = now;
    this.#do((fd) => this.#fill(fd));
    return this.#isWhole || this.#impossible !== undefined;
  }

  /** Gives up a part of it. @returns false: nothing is left */
  give(): boolean {
    if (this.#bytes === 0) return false;
    const step = Math.max(Math.ceil(this.#size / STEPS), MIN_BYTES);
    const rest = Math.max(this.#bytes - step, 0);
    try {
      truncateSync(this.path, rest);
    } catch {
      return false;
    }
    this.#isWhole = false;
    this.#bytes = rest;
    return true;
  }

  #do(work: (fd: number) => void): void {
    let fd: number | undefined;
    try {
      fd = openSync(this.path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
      work(fd);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ENOSPC' && !HIDDEN_LIMITS.has(code)) this.#impossible = message;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  #fill(fd: number): void {
    const { bavail, bsize } = statfsSync(dirname(this.path));
    const wanted = reserveBytes(dirname(this.path));
    if (wanted < MIN_BYTES) {
      this.#impossible = 'the file system is too small';
      return;
    }
    const before = this.#bytes;
    const missing = wanted - before;
    // As much again for the store: otherwise it would be given up the next moment.
    if (bavail * bsize < 2 * missing) return;
    try {
      this.#write(fd, wanted);
      fsyncSync(fd);
      this.#bytes = wanted;
    } catch (error) {
      const isHidden = HIDDEN_LIMITS.has((error as { code?: unknown }).code);
      // What could be written is all the room there is; only the first time, or it would shrink again and again.
      const share = isHidden && !this.#wasWhole ? Math.floor(fstatSync(fd).size * SHARE) : 0;
      this.#bytes = share < MIN_BYTES ? before : share;
      ftruncateSync(fd, this.#bytes);
      if (share < MIN_BYTES) throw error;
    }
    this.#size = this.#bytes;
    this.#isWhole = true;
    this.#wasWhole = true;
  }

  /** Writes up to `end`; the data cannot be compressed, or it would not hold any room. */
  #write(fd: number, end: number): void {
    ftruncateSync(fd, Math.min(this.#bytes, end));
    const chunk = randomFillSync(Buffer.alloc(CHUNK_BYTES));
    for (let at = this.#bytes; at < end; ) {
      for (let block = 0; block < CHUNK_BYTES; block += RESERVE_BLOCK_BYTES) {
        chunk.writeUInt32LE(at + block, block);
      }
      at += writeSync(fd, chunk, 0, Math.min(CHUNK_BYTES, end - at), at);
    }
  }
}
