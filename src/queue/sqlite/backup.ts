import { rmSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import Database from 'libsql';
import { storeErrors } from '../errors.ts';
import { NewFile } from '../new-file.ts';
import { assertDescriptors } from './limits.ts';
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
  assertDescriptors();
  const file = new NewFile(goal, replace);
  try {
    const messages = copy(path, file.path, goal);
    const { size: bytes } = statSync(file.path);
    file.put();
    return { messages, bytes };
  } finally {
    file.discard();
    rmSync(`${file.path}-journal`, { force: true });
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

function isSame(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}
