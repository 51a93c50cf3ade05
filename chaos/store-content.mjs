// What is in a store's file, while no broker has it, or one that is calm.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { readMessage } from './message.mjs';

/** @returns a Map from the number of each message to its state */
export function contentOf(stateHome) {
  const folder = storeIn(stateHome);
  if (!folder) return new Map();
  // A copy is read: to open a file changes it, and a part of it may be missing.
  const copy = mkdtempSync(join(tmpdir(), 'sigmq-chaos-store-'));
  try {
    for (const name of ['queue.db', 'queue.db-wal']) {
      const file = join(folder, name);
      // Not cpSync: a log that is cut meanwhile makes it spin for ever (libuv, uv_fs_copyfile).
      if (existsSync(file)) writeFileSync(join(copy, name), readFileSync(file));
    }
    return read(join(copy, 'queue.db'));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** The folder of the only store there is; undefined: there is none. */
export function storeIn(stateHome) {
  const all = join(stateHome, 'sigmq');
  if (!existsSync(all)) return undefined;
  return readdirSync(all)
    .map((name) => join(all, name))
    .find((folder) => existsSync(join(folder, 'queue.db')));
}

function read(path) {
  const db = new Database(path);
  try {
    const isMade = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'messages'").get();
    if (!isMade) return new Map();
    /** @type {any[]} */
    const rows = db.prepare('SELECT state, body FROM messages').all();
    return new Map(
      rows.map(({ state, body }) => [readMessage(Buffer.from(body).toString())?.number, state]),
    );
  } finally {
    db.close();
  }
}
