import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'libsql';
import { storeErrors } from '../errors.ts';
import { APPLICATION_ID } from './schema.ts';

/** A broker that moves its log into the file locks the file for a moment; ms. */
const BACKUP_BUSY_MS = 10_000;

export interface Backup {
  readonly messages: number;
  /** Size of the file that was written. */
  readonly bytes: number;
}

/**
 * Writes everything in a store to a separate file: consistent as of one moment, even while a broker works on the
 * store, which is not disturbed.
 * @param replace an existing file
 * @throws StoreError
 */
export function backup(path: string, target: string, replace: boolean): Backup {
  const goal = resolve(target);
  if (isSame(path, goal)) throw storeErrors.isTheStore(goal);
  if (!replace && exists(goal)) throw storeErrors.exists(goal);
  // Beside the target, so that it can be renamed: half a copy never has the name of a whole one.
  const beside = `${goal}.${process.pid}.part`;
  try {
    make(beside, goal);
    const messages = copy(path, beside, goal);
    const { size: bytes } = statSync(beside);
    flush(beside);
    if (replace) renameSync(beside, goal);
    else putInPlace(beside, goal);
    flush(dirname(goal));
    return { messages, bytes };
  } finally {
    for (const end of ['', '-journal']) rmSync(beside + end, { force: true });
  }
}

function make(path: string, goal: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    throw storeErrors.noBackup(goal, error);
  }
}

/** @returns how many messages are in it */
function copy(path: string, beside: string, goal: string): number {
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true });
    db.exec(`PRAGMA busy_timeout = ${BACKUP_BUSY_MS}`);
    const { application_id: id } = db.prepare('PRAGMA application_id').get() as never;
    if (id !== APPLICATION_ID) throw storeErrors.notAStore(path);
    db.prepare('VACUUM INTO ?').run([beside]);
  } catch (error) {
    throw (error as { code?: unknown }).code === 'not-a-store'
      ? error
      : storeErrors.noBackup(goal, error);
  } finally {
    db?.close();
  }
  // What was copied, not what is there by now.
  const copied = new Database(beside, { readonly: true });
  try {
    const row = copied.prepare('SELECT count(*) AS messages FROM messages').get();
    return (row as { messages: number }).messages;
  } finally {
    copied.close();
  }
}

/** Like rename(2), but never over a file that has appeared in the meantime. */
function putInPlace(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw storeErrors.exists(to);
    renameSync(from, to); // a file system without hard links
  }
}

function flush(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isSame(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}
