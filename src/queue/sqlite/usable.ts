import { join } from 'node:path';
import Database from 'libsql';
import { cannotOpen, StoreError, storeErrors } from '../errors.ts';
import { assertDescriptors, assertFileSize } from './limits.ts';
import { assertOwnFile, assertOwnFolder } from './own-files.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts';
import { assertWritable } from './writable.ts';

/** Looks whether a broker could open the store in a folder, and changes nothing. @throws StoreError it could not */
export function assertUsable(folder: string): void {
  const path = join(folder, 'queue.db');
  assertDescriptors();
  assertFileSize(path);
  assertOwnFolder(folder);
  assertOwnFile(path);
  assertWritable(folder);
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true });
    const { application_id: id } = db.prepare('PRAGMA application_id').get() as never;
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as never;
    const isEmpty = db.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() === undefined;
    if (id !== APPLICATION_ID && !isEmpty) throw storeErrors.notAStore(path);
    if (version > SCHEMA_VERSION) throw storeErrors.newer(path, version, SCHEMA_VERSION);
  } catch (error) {
    throw error instanceof StoreError ? error : cannotOpen(path, error);
  } finally {
    db?.close();
  }
}
