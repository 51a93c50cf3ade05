import { closeSync, fdatasync, openSync } from 'node:fs';
import type { Statement } from 'libsql';
import { LongTimer } from '../../long-timer.ts';
import { StoreError, storeErrors } from '../errors.ts';
import type { Fsync } from '../store-options.ts';
import type { SqliteFile } from './file.ts';
import { Trimmer } from './trim.ts';

/** Rows that one statement changes, some 10 ms of work: the broker has other things to do, too. */
export const STEP_ROWS = 1000;
/**
 * The same when there is little room: the reserve has to hold what they write. A changed row is written again with
 * its body; removing one writes only the list of free pages.
 */
const FEW_ROWS = { remove: 32, change: 4 };

/** Statements on the open file, each prepared once, and the policy of flushing them to the disk. */
export class SqliteConnection {
  readonly path: string;
  readonly #file: SqliteFile;
  readonly #fsync: Fsync;
  readonly #statements = new Map<string, Statement>();
  /** Of the write-ahead log, for fsync at intervals. */
  #walFd = -1;
  #fsyncTimer: LongTimer | undefined;
  /** Why the last flush of the log failed. */
  #unflushed: unknown;
  #synchronous = '';
  /** Of a store on a disk. */
  readonly #trimmer: Trimmer | undefined;
  #isMoved = false;

  constructor(file: SqliteFile, fsync: Fsync) {
    this.path = file.path;
    this.#file = file;
    this.#fsync = fsync;
    const { path, db, disk } = file;
    if (disk) this.#trimmer = new Trimmer({ path, db, room: disk.room });
    this.#trimmer?.touch(); // for what an earlier broker has left
  }

  get isOnDisk(): boolean {
    return this.#file.disk !== undefined;
  }

  /** How many rows a statement may remove or change at present. */
  stepRows(how: keyof typeof FEW_ROWS): number {
    return this.#file.disk?.room.isLittle ? FEW_ROWS[how] : STEP_ROWS;
  }

  /** For people: something is not as it should be, though it works. */
  get warning(): string | undefined {
    const why = this.#file.disk?.reserve.impossible;
    return why === undefined ? undefined : storeErrors.noReserve(this.path, why);
  }

  sql(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#file.db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** @returns the number of changed rows */
  run(sql: string, parameters: readonly unknown[]): number {
    return this.sql(sql).run([...parameters]).changes;
  }

  /**
   * One statement, not flushed to the disk: if an OS crash undoes a reservation or a settlement, this only causes
   * another delivery.
   */
  write(sql: string, parameters: readonly unknown[]): void {
    this.#surely(() => {
      this.#flush('NORMAL');
      this.run(sql, parameters);
    });
  }

  /** Like {@link write}, for several statements: all of them or none. */
  together<T>(work: () => T): T {
    return this.#surely(() => {
      this.#flush('NORMAL');
      return this.#atomically(work);
    });
  }

  /** Like {@link write}, for a statement that returns rows. */
  writeAll(sql: string, parameters: readonly unknown[]): unknown[] {
    return this.#surely(() => {
      this.#flush('NORMAL');
      return this.sql(sql).all([...parameters]);
    });
  }

  /** All of it or nothing, and flushed to the disk by policy. */
  transaction<T>(work: () => T): T {
    return this.#surely(() => this.#transaction(work));
  }

  /**
   * A transaction that stores this many bytes of new messages: they have to go where they will be found, and must
   * not get the room that is reserved for operations that free room.
   * @throws StoreError
   */
  publish<T>(bytes: number, work: () => T): T {
    return this.try(() => {
      this.#assertThere();
      this.#file.disk?.room.admit(bytes);
      this.#trimmer?.touch();
      return this.#transaction(work);
    });
  }

  /** @throws StoreError if another broker may have handed out what is here */
  assertOurs(): void {
    if (this.#file.disk?.place.isTaken()) throw storeErrors.inUse(this.path);
  }

  /** Does the work even if there is no room. */
  #surely<T>(work: () => T): T {
    const room = this.#file.disk?.room;
    this.#trimmer?.touch();
    return this.try(() => (room ? room.surely(work) : work()));
  }

  #transaction<T>(work: () => T): T {
    this.#assertFlushed();
    this.#flush(this.#fsync === 'always' ? 'FULL' : 'NORMAL');
    return this.#atomically(work);
  }

  #atomically<T>(work: () => T): T {
    const { db } = this.#file;
    db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      db.exec('COMMIT');
      return result;
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  #assertThere(): void {
    const { disk } = this.#file;
    if (!disk) return;
    const isThere = disk.place.isThere();
    // Wherever the file is now, its log may be elsewhere.
    if (!isThere && !this.#isMoved) disk.room.tryCheckpoint();
    this.#isMoved = !isThere;
    if (!isThere) throw storeErrors.moved(this.path);
  }

  /** @throws StoreError for an error of SQLite; any other error unchanged */
  try<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof StoreError) throw error;
      // The driver has no name for some extended codes: UNKNOWN_SQLITE_ERROR_779 (SQLITE_CORRUPT_INDEX).
      const isSqlite = /^(UNKNOWN_)?SQLITE_/.test(String((error as { code?: unknown }).code));
      throw isSqlite ? storeErrors.failed(this.path, error) : error;
    }
  }

  /** Does nothing unless fsync runs at intervals. */
  fsyncSoon(): void {
    const interval = this.#fsync;
    if (typeof interval !== 'number' || this.#fsyncTimer) return;
    this.#fsyncTimer = new LongTimer(() => {
      this.#fsyncTimer = undefined;
      this.#fsyncLog();
    }, interval);
    this.#fsyncTimer.unref();
  }

  /** The broker carries on while this waits for the disk. */
  #fsyncLog(): void {
    try {
      if (this.#walFd < 0) this.#walFd = openSync(`${this.path}-wal`, 'r');
    } catch (error) {
      this.#unflushed = error;
      return;
    }
    fdatasync(this.#walFd, (error) => {
      // If the descriptor has been closed in the meantime, close() has flushed everything.
      if (error && this.#walFd >= 0) this.#unflushed = error;
    });
  }

  /** A log that cannot be flushed is a write error: the next message is refused, and then the flush is tried again. */
  #assertFlushed(): void {
    const error = this.#unflushed;
    if (error === undefined) return;
    this.#unflushed = undefined;
    this.fsyncSoon();
    throw storeErrors.failed(this.path, error);
  }

  close(): void {
    try {
      if (typeof this.#fsync === 'number') this.#flushNow();
    } finally {
      this.#fsyncTimer?.clear();
      this.#trimmer?.stop();
      if (this.#walFd >= 0) closeSync(this.#walFd);
      this.#walFd = -1;
      this.#statements.clear();
      this.#file.close();
    }
  }

  /** A checkpoint flushes the log first. Closing makes one only if nobody else has the file open. */
  #flushNow(): void {
    this.try(() => {
      this.#flush('FULL');
      this.#file.db.pragma('wal_checkpoint(PASSIVE)');
    });
  }

  #flush(synchronous: 'FULL' | 'NORMAL'): void {
    if (synchronous === this.#synchronous) return;
    this.#file.db.exec(`PRAGMA synchronous = ${synchronous}`);
    this.#synchronous = synchronous;
  }
}
