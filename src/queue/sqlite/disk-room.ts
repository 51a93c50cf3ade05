import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type Database from 'libsql';
import { storeErrors } from '../errors.ts';
import type { DiskReserve } from './disk-reserve.ts';
import { maxFileBytes } from './limits.ts';

const PAGE_BYTES = 4096;
/** Number of pages in the log at which SQLite moves them into the file: 2 MiB, half of the reserve. */
const MAX_LOG_PAGES = 512;
/** Fewer would flush both files after every other message. */
const MIN_LOG_PAGES = 16;
/** With less room than this, take care: a step of 1,000 messages writes this much at worst, 3 pages each. */
const LITTLE_BYTES = 16 << 20;
/** What SQLite reports when there is no room, in the log, its index or the file; it sees a quota as a write error. */
const NO_ROOM_CODES = /^SQLITE_(FULL|IOERR_(WRITE|FSYNC|TRUNCATE|SHMSIZE|SHMMAP))$/;

/**
 * Makes sure that a full disk stops producers only. Writes that bring no new messages find room: once the log has
 * been moved into the file, it can be written again from its start; if the file has to grow for that, there is the
 * reserve. So the part of the log for which the file has no room never exceeds the size of the reserve.
 */
export class DiskRoom {
  readonly #path: string;
  readonly #db: Database.Database;
  readonly #reserve: DiskReserve;
  /** Bytes of messages in the log at most, since it was last moved into the file. */
  #inLog = 0;
  readonly #maxInLog: number;
  /** Pages that a file may have here, in general and with new messages; undefined: there is no limit. */
  readonly #limit: { readonly pages: number; readonly forNew: number } | undefined;
  #pages: number | undefined;

  constructor(path: string, db: Database.Database, reserve: DiskReserve) {
    this.#path = path;
    this.#db = db;
    this.#reserve = reserve;
    // A page beyond it would stay in the log for ever, and fill it.
    const max = maxFileBytes();
    if (max !== Number.POSITIVE_INFINITY) {
      const pages = Math.floor(max / PAGE_BYTES);
      this.#limit = { pages, forNew: Math.floor((pages * 7) / 8) };
    }
    const bytes = Math.min(reserve.size > 0 ? reserve.size : Number.POSITIVE_INFINITY, max);
    const pages = Math.floor(bytes / 2 / PAGE_BYTES);
    const logPages = Math.max(Math.min(pages, MAX_LOG_PAGES), MIN_LOG_PAGES);
    this.#maxInLog = logPages * PAGE_BYTES;
    db.exec(`PRAGMA wal_autocheckpoint = ${logPages}`);
  }

  /** Part of the reserve is given up. */
  get isScarce(): boolean {
    return this.#reserve.isGiven;
  }

  /** Operations on many messages should use small steps. */
  get isLittle(): boolean {
    const limit = (this.#limit?.pages ?? Number.POSITIVE_INFINITY) * PAGE_BYTES;
    return this.isScarce || Math.min(limit, freeBytes(this.#path)) < LITTLE_BYTES;
  }

  /** @throws StoreError if this many bytes of new messages cannot be accepted now */
  admit(bytes: number): void {
    if (!this.#reserve.isWhole()) throw storeErrors.noRoom(this.#path);
    this.#setLimit(this.#limit?.forNew);
    // A large group may fit into the log but not into the file afterwards.
    if (bytes > this.#maxInLog && freeBytes(this.#path) < 3 * bytes) {
      throw storeErrors.noRoom(this.#path);
    }
    this.#inLog += bytes + PAGE_BYTES;
    if (this.#inLog <= this.#maxInLog) return;
    this.#checkpoint();
    this.#inLog = bytes;
  }

  /** Performs a write that brings no new messages; `work` is started over if there was no room. */
  surely<T>(work: () => T): T {
    for (let tries = 0; ; tries++) {
      try {
        return work();
      } catch (error) {
        if (!isNoRoom(error) || !this.#makeRoom(tries)) throw error;
      }
    }
  }

  /** Moves the log into the file, as far as there is room and nobody is reading it. */
  tryCheckpoint(): void {
    try {
      this.#checkpoint();
    } catch {
      // The next write reports what is wrong.
    }
  }

  #checkpoint(): void {
    this.#db.pragma('wal_checkpoint(PASSIVE)');
  }

  #makeRoom(tries: number): boolean {
    const isLimited = this.#setLimit(this.#limit?.pages);
    const isGiven = tries > 0 && this.#reserve.give();
    this.tryCheckpoint();
    return tries === 0 || isGiven || isLimited;
  }

  /** @returns whether it changed */
  #setLimit(pages: number | undefined): boolean {
    if (pages === this.#pages || pages === undefined) return false;
    this.#db.exec(`PRAGMA max_page_count = ${pages}`);
    this.#pages = pages;
    return true;
  }
}

export function isNoRoom(error: unknown): boolean {
  return NO_ROOM_CODES.test(String((error as { code?: unknown } | null)?.code));
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize;
}
