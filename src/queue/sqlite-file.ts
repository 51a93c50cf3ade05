import { closeSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { StoreError, storeErrors } from './errors.ts';
import { APPLICATION_ID, FROM_VERSION_1, SCHEMA, SCHEMA_VERSION } from './sqlite-schema.ts';
import { assertWritable } from './writable.ts';

/** Who looks into a store without a broker has it for a moment: so long a broker that starts waits; ms. */
const OPEN_MS = 2000;

type Db = Database.Database;

/** An open file, ours alone until it is closed or the process ends. */
export interface SqliteFile {
  readonly path: string;
  readonly db: Db;
  close(): void;
}

/**
 * Opens the store in a folder, made if need be; another process may read it, but no other broker have it.
 * @throws StoreError
 */
export function openSqliteFile(folder: string): SqliteFile {
  const path = join(folder, 'queue.db');
  const lockPath = join(folder, 'queue.lock');
  makeFolder(folder);
  for (const file of [path, lockPath]) makeFile(file);
  assertWritable(folder);
  const lock = takeLock(lockPath, path);
  let db: Db | undefined;
  try {
    db = new Database(path);
    db.exec(`PRAGMA busy_timeout = ${OPEN_MS}`);
    prepare(db, path);
    db.exec('PRAGMA busy_timeout = 0'); // a broker has no time to wait
    const opened = db;
    const close = () => {
      opened.close();
      lock.close();
    };
    return { path, db, close };
  } catch (error) {
    db?.close();
    lock.close();
    throw error instanceof StoreError ? error : openError(path, error);
  }
}

/** The same in memory, lost with the process. */
export function openMemory(): SqliteFile {
  const db = new Database(':memory:');
  db.exec(`BEGIN; ${SCHEMA} COMMIT`);
  return { path: 'memory', db, close: () => void db.close() };
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw storeErrors.cannotCreate(folder, error);
  }
  const stats = lstatSync(folder);
  if (!stats.isDirectory()) throw storeErrors.unsafe(folder, 'is no directory');
  if (stats.uid !== process.getuid?.()) throw storeErrors.unsafe(folder, 'belongs to someone else');
  // Who can write here can put a write-ahead log beside the store, and with it messages into it.
  if (stats.mode & 0o022) throw storeErrors.unsafe(folder, 'can be written by others');
}

/**
 * Before SQLite does it, with another mode, or follows a link. One that is there is not opened: to close any
 * descriptor of a file drops all locks that this process has on it (fcntl(2)), those of another store, too.
 */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw storeErrors.cannotCreate(path, error);
  }
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) throw storeErrors.unsafe(path, 'is a symbolic link');
  if (!stats.isFile()) throw storeErrors.unsafe(path, 'is no regular file');
  if (stats.uid !== process.getuid?.()) throw storeErrors.unsafe(path, 'belongs to someone else');
}

/**
 * A transaction that never ends, on an empty file: the kernel drops its lock with the process, and the
 * store itself stays readable for the sqlite3 shell.
 */
function takeLock(lockPath: string, path: string): Db {
  const lock = new Database(lockPath);
  try {
    lock.exec(`PRAGMA busy_timeout = ${OPEN_MS}; PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE`);
    return lock;
  } catch (error) {
    lock.close();
    throw codeOf(error) === 'SQLITE_BUSY' ? storeErrors.inUse(path) : openError(lockPath, error);
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
  // Before there are tables, or it takes a VACUUM.
  db.pragma('auto_vacuum = INCREMENTAL');
  db.pragma('journal_mode = WAL');
  if (isEmpty) db.exec(`BEGIN; ${SCHEMA} COMMIT`);
  else if (version < SCHEMA_VERSION) db.exec(`BEGIN; ${FROM_VERSION_1} COMMIT; VACUUM`);
}

function pragma(db: Db, name: string): number {
  const row = db.prepare(`PRAGMA ${name}`).get() as Record<string, number>;
  return row[name] ?? 0;
}

function openError(path: string, error: unknown): StoreError {
  const code = codeOf(error);
  if (code === 'SQLITE_NOTADB') return storeErrors.notAStore(path);
  return storeErrors.failed(path, error);
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
