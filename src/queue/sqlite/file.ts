import { resolve } from 'node:path';
import Database from 'libsql';
import { cannotOpen, StoreError, storeErrors } from '../errors.ts';
import { DiskReserve, RESERVE_NAME } from './disk-reserve.ts';
import { DiskRoom, isNoRoom } from './disk-room.ts';
import { assertDescriptors, assertFileSize } from './limits.ts';
import { makeFile, makeFolder } from './own-files.ts';
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION, UPGRADES } from './schema.ts';
import { StoreLock } from './store-lock.ts';
import { StorePlace } from './store-place.ts';
import { assertWritable } from './writable.ts';

/**
 * A process that inspects a store without a broker has it locked for a moment: how long a broker that starts waits
 * for it; ms.
 */
const OPEN_MS = 2000;

type Db = Database.Database;

/** An open file, exclusively ours until it is closed or the process ends. */
export interface SqliteFile {
  readonly path: string;
  readonly db: Db;
  /** For a store on a disk. */
  readonly disk?: {
    readonly reserve: DiskReserve;
    readonly room: DiskRoom;
    readonly place: StorePlace;
  };
  close(): void;
}

/**
 * Opens the store in a folder, which is made if necessary; another process may read it, but no other broker may
 * have it open.
 * @throws StoreError
 */
export function openSqliteFile(folder: string): SqliteFile {
  const path = resolve(folder, 'queue.db');
  assertDescriptors();
  assertFileSize(path);
  makeFolder(folder);
  makeFile(path);
  assertWritable(folder);
  const lock = new StoreLock(resolve(folder, 'queue.lock'), path, OPEN_MS);
  const reserve = new DiskReserve(resolve(folder, RESERVE_NAME));
  let db: Db | undefined;
  try {
    reserve.adopt();
    db = openWithRoom(path, reserve);
    reserve.isWhole();
    const room = new DiskRoom(path, db, reserve);
    const place = new StorePlace(path, lock);
    const opened = db;
    const close = () => {
      room.tryCheckpoint();
      // Closing deletes the log by its name, which may belong to another by now.
      if (place.isThere()) opened.close();
      lock.close();
    };
    return { path, db, disk: { reserve, room, place }, close };
  } catch (error) {
    db?.close();
    lock.close();
    throw error instanceof StoreError ? error : cannotOpen(path, error);
  }
}

/** The same in memory; it is lost with the process. */
export function openMemory(): SqliteFile {
  assertDescriptors();
  const db = new Database(':memory:');
  db.exec(`BEGIN; ${SCHEMA} COMMIT`);
  return { path: 'memory', db, close: () => void db.close() };
}

/** Works even on a full disk, if an earlier broker has left a reserve. */
function openWithRoom(path: string, reserve: DiskReserve): Db {
  for (;;) {
    const db = new Database(path);
    try {
      db.exec(`PRAGMA busy_timeout = ${OPEN_MS}`);
      prepare(db, path);
      db.exec('PRAGMA busy_timeout = 0'); // a broker has no time to wait
      return db;
    } catch (error) {
      db.close();
      if (!isNoRoom(error) || !reserve.give()) throw error;
    }
  }
}

function prepare(db: Db, path: string): void {
  const id = pragma(db, 'application_id');
  const version = pragma(db, 'user_version');
  if (id === APPLICATION_ID && version > SCHEMA_VERSION) {
    throw storeErrors.newer(path, version, SCHEMA_VERSION);
  }
  const isEmpty = db.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() === undefined;
  if (id !== APPLICATION_ID && !(isEmpty && id === 0)) throw storeErrors.notAStore(path);
  // Has to come before the tables, or it takes a VACUUM.
  db.pragma('auto_vacuum = INCREMENTAL');
  db.pragma('journal_mode = WAL');
  if (isEmpty) db.exec(`BEGIN; ${SCHEMA} COMMIT`);
  else if (version < SCHEMA_VERSION) {
    db.exec(`BEGIN; ${UPGRADES.slice(version - 1).join('')} COMMIT`);
    if (version === 1) vacuum(db);
  }
  // A restored copy has no log; the first read makes one.
  pragma(db, 'schema_version');
}

/** Needs as much room again; without it the file does not get smaller, but works just as well. */
function vacuum(db: Db): void {
  try {
    db.exec('VACUUM');
  } catch (error) {
    if (!isNoRoom(error)) throw error;
  }
}

function pragma(db: Db, name: string): number {
  const row = db.prepare(`PRAGMA ${name}`).get() as Record<string, number>;
  return row[name] ?? 0;
}
