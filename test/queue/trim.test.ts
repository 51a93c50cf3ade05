/** Room that messages have left is given back to the disk. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'libsql';
import type { NewMessage } from '../../src/queue/message.ts';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import { reserve, settle } from './single.ts';

/** What may stay of a store that is empty, file and log together. */
const SMALL_BYTES = 1 << 20;
/** A bound, not a measure; ms. */
const PATIENCE_MS = 30_000;
const COUNT = 6000;

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sigmq-trim-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open(t: TestContext, folder: string): SqliteStore {
  const policy = { ...DEFAULT_POLICY, maxAttempts: 1 };
  const store = SqliteStore.open(folder, policy, 'never');
  t.after(() => store.close().catch(() => {}));
  return store;
}

async function fill(store: SqliteStore): Promise<void> {
  const batch: NewMessage[] = Array.from({ length: 100 }, () => ({
    queue: 'default',
    body: Buffer.alloc(500, 'x'),
    priority: 0,
  }));
  for (let n = 0; n < COUNT; n += batch.length) await store.publish(batch);
}

async function settleAll(store: SqliteStore, kind: 'done' | 'failed'): Promise<void> {
  for (;;) {
    const reserved = await reserve(store, ['default'], '1:1');
    if (!reserved) return;
    await settle(store, reserved.id, { kind });
  }
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

function bytesOf(folder: string): number {
  const path = join(folder, 'queue.db');
  return sizeOf(path) + sizeOf(`${path}-wal`);
}

function freePages(db: Database.Database): number {
  const row = db.prepare('PRAGMA freelist_count').get() as { freelist_count: number };
  return row.freelist_count;
}

async function untilSmall(folder: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (bytesOf(folder) > SMALL_BYTES) {
    assert.ok(Date.now() < deadline, `still ${bytesOf(folder)} bytes`);
    await pause(20);
  }
}

describe('a store on a disk', () => {
  it('is small again when it is drained', async (t) => {
    const folder = folderOf(t);
    const store = open(t, folder);
    await fill(store);
    assert.ok(bytesOf(folder) > 3 * SMALL_BYTES);
    await settleAll(store, 'done');
    await untilSmall(folder);
    await fill(store);
    await settleAll(store, 'done');
    await untilSmall(folder);
  });

  it('is small again when it was purged, or its dead messages were removed', async (t) => {
    const folder = folderOf(t);
    const store = open(t, folder);
    await fill(store);
    await store.purge('default');
    await untilSmall(folder);
    await fill(store);
    await settleAll(store, 'failed');
    assert.equal((await store.counts())[0]?.dead, COUNT);
    await store.purge('default', { state: 'dead' });
    await untilSmall(folder);
  });

  it('is small again when the broker ended before that', async (t) => {
    const folder = folderOf(t);
    const store = open(t, folder);
    await fill(store);
    await store.purge('default');
    await store.close();
    assert.ok(bytesOf(folder) > SMALL_BYTES);
    open(t, folder);
    await untilSmall(folder);
  });

  it('keeps what is left in it', async (t) => {
    const folder = folderOf(t);
    const store = open(t, folder);
    await fill(store);
    const [sent] = await store.publish([
      { queue: 'other', body: Buffer.alloc(100_000, 'y'), priority: 0 },
    ]);
    await settleAll(store, 'done');
    await untilSmall(folder);
    await store.close();
    const again = open(t, folder);
    const reserved = await reserve(again, ['other'], '1:1');
    assert.equal(reserved?.id, sent?.id);
    assert.ok(Buffer.from(reserved?.body ?? []).equals(Buffer.alloc(100_000, 'y')));
    const db = new Database(join(folder, 'queue.db'), { readonly: true });
    const { integrity_check: check } = db.prepare('PRAGMA integrity_check').get() as never;
    db.close();
    assert.equal(check, 'ok');
  });

  it('cuts its log when a reader that was in the way has gone', async (t) => {
    const folder = folderOf(t);
    const store = open(t, folder);
    await fill(store);
    const reader = new Database(join(folder, 'queue.db'));
    t.after(() => reader.close());
    reader.exec('BEGIN; SELECT count(*) FROM messages');
    await store.purge('default');
    const other = new Database(join(folder, 'queue.db'));
    t.after(() => other.close());
    while (freePages(other) > 64) await pause(20);
    assert.ok(bytesOf(folder) > SMALL_BYTES);
    reader.exec('ROLLBACK');
    await untilSmall(folder);
  });
});
