/** What is particular to a store in a file: it stays, it may be full, broken, or someone else's. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'libsql';
import { StoreError } from '../../src/queue/errors.ts';
import { openStore } from '../../src/queue/open-store.ts';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import { messagesFor, put, reserve, settle } from './single.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sigmq-store-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open(t: TestContext, folder: string): SqliteStore {
  const store = SqliteStore.open(folder, DEFAULT_POLICY, 'always');
  let closed = false;
  const close = store.close.bind(store);
  store.close = async () => {
    if (!closed) await close();
    closed = true;
  };
  t.after(() => store.close());
  return store;
}

const message = messagesFor('default');

const isStoreError = (code: string, exitCode: number) => (error: unknown) => {
  assert.ok(error instanceof StoreError, String(error));
  assert.deepEqual([error.code, error.exitCode], [code, exitCode]);
  return true;
};

/** As the first version made it. */
const VERSION_1 = `
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('ready', 'delayed', 'reserved', 'dead')),
  priority INTEGER NOT NULL, body BLOB NOT NULL, headers TEXT, spent INTEGER NOT NULL DEFAULT 0,
  enqueued_at INTEGER NOT NULL, due_at INTEGER, expires_at INTEGER, consumer TEXT
) STRICT;
CREATE INDEX messages_ready    ON messages (queue, priority DESC, id) WHERE state = 'ready';
CREATE INDEX messages_delayed  ON messages (due_at)     WHERE state = 'delayed';
CREATE INDEX messages_reserved ON messages (id)         WHERE state = 'reserved';
CREATE INDEX messages_dead     ON messages (queue, id)  WHERE state = 'dead';
CREATE INDEX messages_expiring ON messages (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE producers (
  recency INTEGER PRIMARY KEY, process TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL
) STRICT;
CREATE TABLE paused (queue TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
PRAGMA application_id = ${0x7369676d};
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
`;

describe('a store in a file', () => {
  it('makes nobody wait longer when the clock was set back while it was closed', async (t) => {
    const folder = folderOf(t);
    const hour = 3_600_000;
    let now = 100 * hour;
    const at = () => SqliteStore.open(folder, DEFAULT_POLICY, 'never', () => now);
    const before = at();
    await put(before, [
      message('delayed', { delayMs: 5000 }),
      message('mortal', { ttlMs: 5000 }),
      message('failed', { priority: 1 }),
    ]);
    const failed = await reserve(before, ['default'], '1:1');
    await settle(before, failed?.id ?? 0, { kind: 'failed' });
    await before.close();

    now = 90 * hour;
    const store = at();
    t.after(() => store.close());
    const next = async () => {
      const reserved = await reserve(store, ['default'], '1:1');
      return reserved && Buffer.from(reserved.body).toString();
    };
    assert.equal(await store.nextSweep(), now + DEFAULT_POLICY.backoffMs);
    now += DEFAULT_POLICY.backoffMs;
    assert.equal(await next(), 'failed');
    now += 4000;
    assert.equal(await next(), 'delayed');
    assert.equal(await next(), undefined, 'the other has expired by now');
  });

  it('waits for somebody who has it for a moment', async (t) => {
    const folder = folderOf(t);
    await open(t, folder).close();
    const script = `const Database = require('libsql');
      for (const name of ['queue.lock', 'queue.db'])
        new Database(process.argv[1] + '/' + name).exec('BEGIN EXCLUSIVE');
      console.log('has it');
      // Until the test waits for it.
      const fs = require('fs'), proc = '/proc/' + process.ppid;
      const lock = fs.realpathSync(process.argv[1] + '/queue.lock');
      const linkOf = (fd) => { try { return fs.readlinkSync(proc + '/fd/' + fd); } catch {} };
      setInterval(() => {
        const hasOpened = fs.readdirSync(proc + '/fd').some((fd) => linkOf(fd) === lock);
        if (hasOpened && / S /.test(fs.readFileSync(proc + '/stat'))) process.exit();
      }, 5);`;
    const child = spawn(process.execPath, ['-e', script, folder]);
    await once(child.stdout, 'data');
    const store = open(t, folder);
    assert.deepEqual(await store.counts(), []);
  });

  it('has everything when it is opened again', async (t) => {
    const folder = folderOf(t);
    const first = open(t, folder);
    const [held = 0] = await put(first, [
      message('held', { producer: { process: 'boot:1:2', number: 7 } }),
      message('ready', { headers: [['a', 'b']] }),
      message('delayed', { delayMs: 1_000_000 }),
    ]);
    await reserve(first, ['default'], '3:4');
    await first.pause('other', true);
    const counts = await first.counts();
    const due = await first.nextSweep();
    await first.close();

    const second = open(t, folder);
    assert.deepEqual(await second.counts(), counts);
    assert.equal(await second.nextSweep(), due);
    assert.equal(await second.lastNumber('boot:1:2'), 7);
    assert.equal(await second.lastNumber('boot:1:3'), undefined);
    const [reservation] = await second.reservations();
    assert.deepEqual([reservation?.id, reservation?.consumer], [held, '3:4']);
    await settle(second, held, { kind: 'lost' });
    assert.equal((await reserve(second, ['default'], '5:6'))?.attempt, 2);
    const [id = 0] = await put(second, [message('new')]);
    assert.ok(id > held + 2, 'ids are never given twice');
  });

  it('is another incarnation each time that it is opened, and asks for none of its names again', async (t) => {
    const folder = folderOf(t);
    const first = open(t, folder);
    const [id = 0] = await put(first, [message('a')]);
    await reserve(first, ['default'], '3:4');
    await first.close();
    const second = open(t, folder);
    assert.notEqual(second.incarnation, first.incarnation);
    const [reservation] = await second.reservations();
    assert.deepEqual([reservation?.incarnation, reservation?.delivery], [first.incarnation, 1]);
    await settle(second, id, { kind: 'lost' });
    const again = await reserve(second, ['default'], '3:4');
    assert.deepEqual([again?.incarnation, again?.delivery], [second.incarnation, 2]);
    await second.close();
    const db = new Database(join(folder, 'queue.db'));
    t.after(() => db.close());
    const rows = db.prepare('SELECT number FROM incarnations ORDER BY sequence').all();
    assert.deepEqual(
      (rows as { number: number }[]).map(({ number }) => number),
      [first.incarnation, second.incarnation],
    );
  });

  it('keeps the order of its messages when the clock was set back while it was closed', async (t) => {
    const folder = folderOf(t);
    let now = 1e12;
    const at = () => SqliteStore.open(folder, DEFAULT_POLICY, 'never', () => now);
    const before = at();
    await put(before, [message('a'), message('b')]);
    await before.close();
    now -= 1e9;
    const store = at();
    t.after(() => store.close());
    await put(store, [message('c')]);
    const order = [];
    for (let n = 0; n < 3; n++) {
      order.push(Buffer.from((await reserve(store, ['default'], '1:1'))?.body ?? []).toString());
    }
    assert.deepEqual(order, ['a', 'b', 'c']);
  });

  it('of version 1 goes on with all that it has', async (t) => {
    const folder = folderOf(t);
    const db = new Database(join(folder, 'queue.db'));
    db.exec(VERSION_1);
    const insert = db.prepare(
      'INSERT INTO messages (queue, state, priority, body, spent, enqueued_at, due_at, consumer) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    );
    const body = Buffer.from('x');
    insert.run('default', 'ready', 0, body, 0, 1000, null, null);
    insert.run('default', 'ready', 5, body, 1, 1000, null, null);
    insert.run('default', 'delayed', 0, body, 0, 1000, 2000, null);
    insert.run('default', 'reserved', 0, body, 2, 1000, null, '3:4');
    insert.run('default', 'dead', 0, body, 5, 1000, null, null);
    db.close();
    const store = open(t, folder);
    const [counts] = await store.counts();
    assert.deepEqual(
      [counts?.ready, counts?.delayed, counts?.reserved, counts?.dead],
      [3, 0, 1, 1],
      'what was due is ready',
    );
    const [held] = await store.reservations();
    assert.deepEqual([held?.id, held?.attempt, held?.delivery], [4, 3, 3]);
    const dead = await store.find(5);
    assert.ok((dead?.diedAt ?? 0) > 1e12 && dead?.failures === undefined);
    await store.set('default', { maxAttempts: 1, deadTo: 'parked' });
    assert.equal(await settle(store, 4, { kind: 'failed', reason: 'why' }), 'dead');
    assert.equal((await store.find(4))?.failures?.[0]?.pid, 3);
    const order = [];
    for (let n = 0; n < 3; n++) order.push((await reserve(store, ['default'], '1:1'))?.id);
    assert.deepEqual(order, [2, 1, 3]);
    assert.equal((await put(store, [message('new')]))[0], 6);
    await put(store, [message('asked', { asker: '1:2:3 here' })]);
    assert.equal(await store.asked('1:2:3 here'), 'ready');
    const [keyed] = await store.publish([message('keyed', { key: 'k' })]);
    assert.deepEqual(await store.publish([message('again', { key: 'k' })]), [
      { id: keyed?.id, isDuplicate: true },
    ]);
  });

  it('is refused to a second opener, and free again when the first is killed', async (t) => {
    const folder = folderOf(t);
    const script = `
      const { SqliteStore } = await import(${JSON.stringify(new URL('../../src/queue/sqlite/sqlite-store.js', import.meta.url).href)});
      const { DEFAULT_POLICY } = await import(${JSON.stringify(new URL('../../src/queue/policy.js', import.meta.url).href)});
      const store = SqliteStore.open(process.argv[1], DEFAULT_POLICY, 'always');
      await store.publish([{ queue: 'default', body: Buffer.from('kept'), priority: 0 }]);
      process.stdout.write('open');
      process.kill(process.pid, 'SIGKILL');
    `;
    const store = open(t, folder);
    assert.throws(
      () => SqliteStore.open(folder, DEFAULT_POLICY, 'always'),
      isStoreError('store-in-use', 78),
    );
    const args = ['--input-type=module', '-e', script, folder];
    const refused = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.deepEqual([refused.stdout, refused.signal], ['', null], 'that cost us our lock');
    assert.match(refused.stderr, /store-in-use/);
    await store.close();
    const { stdout, signal, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.deepEqual([stdout, signal], ['open', 'SIGKILL'], stderr);
    const again = open(t, folder);
    assert.equal(
      Buffer.from((await reserve(again, ['default'], '1:1'))?.body ?? []).toString(),
      'kept',
    );
  });

  it('explains itself to the sqlite3 shell, while a broker has it', async (t) => {
    const folder = folderOf(t);
    const store = open(t, folder);
    await put(store, [message('abc'), message('de')]);
    const reader = new Database(join(folder, 'queue.db'));
    t.after(() => reader.close());
    const counts = reader.prepare('SELECT * FROM queue_counts').all();
    assert.deepEqual(counts, [{ queue: 'default', state: 'ready', messages: 2, bytes: 5 }]);
    const { sql } = reader
      .prepare("SELECT sql FROM sqlite_master WHERE name = 'messages'")
      .get() as { sql: string };
    assert.match(sql, /-- higher goes first/);
  });

  it('is readable for its owner only', (t) => {
    const folder = join(folderOf(t), 'new/folder');
    open(t, folder);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    for (const name of ['queue.db', 'queue.db-wal', 'queue.lock']) {
      assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name);
    }
  });

  it('of a newer version is refused and left as it is', async (t) => {
    const folder = folderOf(t);
    await open(t, folder).close();
    const path = join(folder, 'queue.db');
    const db = new Database(path);
    db.exec('PRAGMA user_version = 999; PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    const before = readFileSync(path);
    assert.throws(() => open(t, folder), isStoreError('newer-store', 78));
    assert.ok(readFileSync(path).equals(before));
  });

  it('that is junk, or another program’s database, is refused and left as it is', async (t) => {
    const folder = folderOf(t);
    const path = join(folder, 'queue.db');
    writeFileSync(path, 'junk '.repeat(1000));
    assert.throws(() => open(t, folder), isStoreError('not-a-store', 78));
    assert.equal(readFileSync(path, 'utf8'), 'junk '.repeat(1000));
    rmSync(path);
    const other = new Database(path);
    other.exec('CREATE TABLE t (x)');
    other.close();
    assert.throws(() => open(t, folder), isStoreError('not-a-store', 78));
  });

  it('that is a symbolic link, or in a folder open to everybody, is refused', (t) => {
    const folder = folderOf(t);
    writeFileSync(join(folder, 'target'), '');
    mkdirSync(join(folder, 'linked'));
    symlinkSync(join(folder, 'target'), join(folder, 'linked/queue.db'));
    assert.throws(() => open(t, join(folder, 'linked')), isStoreError('unsafe-store', 77));
    mkdirSync(join(folder, 'open'));
    chmodSync(join(folder, 'open'), 0o777);
    assert.throws(() => open(t, join(folder, 'open')), isStoreError('unsafe-store', 77));
  });

  it('in a place that cannot be written says so', (t) => {
    const folder = folderOf(t);
    writeFileSync(join(folder, 'file'), '');
    assert.throws(
      () => open(t, join(folder, 'file/below')),
      isStoreError('cannot-create-store', 73),
    );
  });

  it('on a full disk refuses, and goes on when there is room', async (t) => {
    const folder = join(folderOf(t), 'small');
    mkdirSync(folder);
    const mounted = spawnSync('mount', [
      '-t',
      'tmpfs',
      '-o',
      'size=400k,mode=700',
      'tmpfs',
      folder,
    ]);
    if (mounted.status !== 0) {
      t.skip('SKIPPED: no tmpfs can be mounted here; needs root');
      return;
    }
    const store = SqliteStore.open(folder, DEFAULT_POLICY, 'always');
    const ids: number[] = [];
    const big = message('x'.repeat(20_000));
    try {
      await assert.rejects(
        async () => {
          for (;;) ids.push(...(await put(store, [big])));
        },
        isStoreError('store-failed', 75),
      );
      assert.ok(ids.length > 0);
      assert.equal((await store.counts())[0]?.ready, ids.length);
      spawnSync('mount', ['-o', 'remount,size=4m', folder]);
      ids.push(...(await put(store, [big])));
      for (const id of ids) {
        assert.equal((await reserve(store, ['default'], '1:1'))?.id, id);
        assert.equal(await settle(store, id, { kind: 'done' }), 'gone');
      }
      assert.deepEqual(await store.counts(), []);
    } finally {
      await store.close();
      spawnSync('umount', ['-l', folder]); // SQLite closes its files when its statements are collected
    }
  });

  it('refuses a message when the log could not be flushed', async (t) => {
    const folder = folderOf(t);
    const store = SqliteStore.open(folder, DEFAULT_POLICY, 1);
    t.after(() => store.close());
    const log = join(folder, 'queue.db-wal');
    await put(store, [message('a')]);
    renameSync(log, `${log}.away`); // before its timer comes, and found again before the next message
    await pause(5);
    renameSync(`${log}.away`, log);
    await assert.rejects(put(store, [message('b')]), isStoreError('store-failed', 75));
    await put(store, [message('b')]);
  });

  it('forgets producers that have long sent nothing', async (t) => {
    const store = open(t, folderOf(t));
    const from = (process: string, number: number) =>
      message('', { producer: { process, number } });
    await put(store, [from('old', 1)]);
    const batch = Array.from({ length: 17_000 }, (_, n) => from(`p${n}`, 2));
    await put(store, batch);
    assert.equal(await store.lastNumber('old'), undefined);
    assert.equal(await store.lastNumber('p16999'), 2);
  });

  it('is what openStore opens, with its defaults', async (t) => {
    const folder = folderOf(t);
    const store = await openStore({ kind: 'sqlite', folder, fsync: 5, maxMessages: 1 });
    t.after(() => store.close());
    await put(store, [message('a')]);
    await assert.rejects(put(store, [message('b')]), { code: 'store-full' });
  });
});
