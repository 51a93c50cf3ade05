/** A store that is moved or deleted while a broker has it. */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { StoreError } from '../../src/queue/errors.ts';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import { backup } from '../../src/queue/sqlite/backup.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import { messagesFor, reserve, settle } from './single.ts';

function folderOf(t: TestContext): string {
  const above = mkdtempSync(join(tmpdir(), 'sigmq-moved-'));
  t.after(() => rmSync(above, { recursive: true, force: true }));
  return join(above, 'store');
}

function open(t: TestContext, folder: string): SqliteStore {
  const store = SqliteStore.open(folder, DEFAULT_POLICY, 'never');
  t.after(() => store.close().catch(() => {}));
  return store;
}

const message = messagesFor('default');

const isMoved = (error: unknown) => {
  assert.ok(error instanceof StoreError, String(error));
  assert.deepEqual([error.code, error.exitCode], ['store-moved', 75]);
  assert.match(error.message, /moved or deleted while the broker was running/);
  assert.match(error.hint, /restart the broker/);
  return true;
};

async function takeOne(store: SqliteStore): Promise<string | undefined> {
  const reserved = await reserve(store, ['default'], '1:1');
  if (!reserved) return undefined;
  await settle(store, reserved.id, { kind: 'done' });
  return Buffer.from(reserved.body).toString();
}

describe('a store that is not where it was opened any more', () => {
  const ways: Record<string, (folder: string, file: string) => void> = {
    'its file deleted': (_, file) => rmSync(file),
    'its file and its log deleted': (_, file) => {
      for (const end of ['', '-wal', '-shm']) rmSync(file + end);
    },
    'its log deleted': (_, file) => rmSync(`${file}-wal`),
    'its file moved away': (_, file) => renameSync(file, `${file}.old`),
    'its folder deleted': (folder) => rmSync(folder, { recursive: true }),
    'its folder moved away': (folder) => renameSync(folder, `${folder}.old`),
    'a copy in its place': (_, file) => {
      cpSync(file, `${file}.copy`);
      renameSync(`${file}.copy`, file);
    },
    'another folder in its place': (folder) => {
      renameSync(folder, `${folder}.old`);
      cpSync(`${folder}.old`, folder, { recursive: true });
    },
  };
  for (const [way, act] of Object.entries(ways)) {
    it(`takes no more, and gives out what it has: ${way}`, async (t) => {
      const folder = folderOf(t);
      const store = open(t, folder);
      await store.publish([message('a'), message('b')]);
      act(folder, join(folder, 'queue.db'));
      await assert.rejects(store.publish([message('c')]), isMoved);
      await assert.rejects(store.publish([message('c')]), isMoved);
      assert.equal(await takeOne(store), 'a');
      assert.equal(await takeOne(store), 'b');
      assert.equal(await takeOne(store), undefined);
    });
  }

  it('goes on by itself when the same files are back', async (t) => {
    const folder = folderOf(t);
    const store = open(t, folder);
    await store.publish([message('a')]);
    renameSync(folder, `${folder}.old`);
    await assert.rejects(store.publish([message('refused')]), isMoved);
    renameSync(`${folder}.old`, folder);
    await store.publish([message('b')]);
    await store.close();
    const again = open(t, folder);
    assert.deepEqual([await takeOne(again), await takeOne(again)], ['a', 'b']);
  });

  it('is opened as a copy in one file, without a log', async (t) => {
    const folder = folderOf(t);
    const store = open(t, folder);
    await store.publish([message('a')]);
    const other = `${folder}.other`;
    mkdirSync(other, { mode: 0o700 });
    backup(join(folder, 'queue.db'), join(other, 'queue.db'), false);
    const again = open(t, other);
    await again.publish([message('b')]);
    assert.deepEqual([await takeOne(again), await takeOne(again)], ['a', 'b']);
  });

  it('has all that was confirmed in the file that was moved alone', async (t) => {
    const folder = folderOf(t);
    const store = open(t, folder);
    await store.publish([message('a'), message('b')]);
    mkdirSync(`${folder}.new`, { mode: 0o700 });
    renameSync(join(folder, 'queue.db'), join(`${folder}.new`, 'queue.db'));
    await assert.rejects(store.publish([message('c')]), isMoved);
    assert.equal(await takeOne(store), 'a');
    await store.close();
    const there = open(t, `${folder}.new`);
    assert.deepEqual([await takeOne(there), await takeOne(there)], ['b', undefined]);
  });

  it('leaves the log of another store alone that stands in its place', async (t) => {
    const folder = folderOf(t);
    const store = open(t, folder);
    await store.publish([message('a')]);
    const copy = `${folder}.copy`;
    cpSync(folder, copy, { recursive: true }); // file and log
    renameSync(folder, `${folder}.old`);
    renameSync(copy, folder);
    const log = readFileSync(join(folder, 'queue.db-wal'));
    assert.ok(log.length > 0);
    await store.close();
    assert.ok(readFileSync(join(folder, 'queue.db-wal')).equals(log));
    const restored = open(t, folder);
    assert.equal(await takeOne(restored), 'a');
  });
});

describe('the lock of a store', () => {
  it('that was deleted is made again, before another broker comes', async (t) => {
    const folder = folderOf(t);
    const store = open(t, folder);
    await store.publish([message('a')]);
    rmSync(join(folder, 'queue.lock'));
    assert.equal(await takeOne(store), 'a');
    assert.equal(statSync(join(folder, 'queue.lock')).mode & 0o777, 0o600);
    assert.throws(() => open(t, folder), { code: 'store-in-use' });
    assert.equal(await takeOne(store), undefined, 'that cost us the lock');
  });

  it('that was deleted, and taken by another broker, keeps the first from giving out the same', async (t) => {
    const folder = folderOf(t);
    const store = open(t, folder);
    await store.publish([message('a')]);
    rmSync(join(folder, 'queue.lock'));
    const other = open(t, folder);
    await assert.rejects(takeOne(store), { code: 'store-in-use' });
    assert.equal(await takeOne(other), 'a');
    await other.close();
    assert.equal(existsSync(join(folder, 'queue.lock')), true);
  });
});
