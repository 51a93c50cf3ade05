/** A full disk stops producers, not consumers. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { StoreError } from '../../src/queue/errors.ts';
import type { NewMessage } from '../../src/queue/message.ts';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import { put, reserve, settle } from './single.ts';
import { SmallDisk } from './small-disk.ts';

function open(t: TestContext, folder: string): SqliteStore {
  const store = SqliteStore.open(folder, DEFAULT_POLICY, 'always', () => 1e12); // what failed stays delayed
  t.after(() => store.close().catch(() => {}));
  return store;
}

const message = (bytes: number, more: Partial<NewMessage> = {}): NewMessage => ({
  queue: 'default',
  body: Buffer.alloc(bytes, 'x'),
  priority: 0,
  ...more,
});

const is =
  (...codes: string[]) =>
  (error: unknown) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.ok(codes.includes(error.code), error.message);
    assert.equal(error.exitCode, 75);
    return true;
  };
const isRefusal = is('store-failed', 'no-room');

/** @returns the ids of what was taken before the disk was full */
async function publishAll(store: SqliteStore, bytes: number): Promise<number[]> {
  const ids: number[] = [];
  const all = async () => {
    for (;;) ids.push(...(await put(store, [message(bytes)])));
  };
  await assert.rejects(all(), isRefusal);
  return ids;
}

for (const bytes of [200, 3000, 60_000]) {
  for (const filler of ['producers', 'another program', 'both']) {
    describe(`a disk that ${filler} fill, with messages of ${bytes} bytes`, () => {
      it('lets everything out, whatever comes', async (t) => {
        const disk = SmallDisk.mount(t, '6m');
        if (!disk) return;
        const folder = join(disk.path, 'store');
        const store = open(t, folder);
        const ids: number[] = [];
        if (filler !== 'another program') ids.push(...(await publishAll(store, bytes)));
        else for (let n = 0; n < 50; n++) ids.push(...(await put(store, [message(bytes)])));
        if (filler !== 'producers') disk.fill();
        const later: number[] = [];
        let n = 0;
        for (const id of ids) {
          const reserved = await reserve(store, ['default'], '1:1');
          assert.equal(reserved?.id, id);
          // All that writes: given back, failed, dead, done.
          const kind = (['done', 'failed', 'dead'] as const)[n++ % 3] ?? 'done';
          await settle(store, id, { kind });
          if (n % 7 === 0) {
            later.push(...(await publishAll(store, 2000)));
          }
          if (filler !== 'producers' && n % 5 === 0) disk.fill();
        }
        for (const id of later) {
          assert.equal((await reserve(store, ['default'], '1:1'))?.id, id);
          await settle(store, id, { kind: 'done' });
        }
        await store.pause('default', true);
        await store.kick('default');
        await store.pause('default', false);
        await store.purge('default');
        assert.deepEqual(await store.counts(), []);
      });
    });
  }
}

describe('the reserve on the disk', () => {
  it('is given up for consumers, keeps producers out, and is made again when there is room', async (t) => {
    const disk = SmallDisk.mount(t, '8m');
    if (!disk) return;
    const folder = join(disk.path, 'store');
    const kept = join(folder, 'queue.reserve');
    const store = open(t, folder);
    const whole = statSync(kept).size;
    assert.equal(whole, 1 << 20);
    assert.equal(statSync(kept).mode & 0o777, 0o600);
    assert.ok(statSync(kept).blocks * 512 >= whole, 'it is on the disk');
    await put(
      store,
      Array.from({ length: 60 }, () => message(20_000)),
    );
    disk.fill();
    for (let n = 0; n < 30; n++) {
      const reserved = await reserve(store, ['default'], '1:1');
      await settle(store, reserved?.id ?? 0, { kind: 'dead' });
      disk.fill();
    }
    assert.ok(statSync(kept).size < whole);
    await assert.rejects(put(store, [message(1)]), is('no-room'));
    disk.empty();
    await eventually(() => put(store, [message(1)]));
    assert.equal(statSync(kept).size, whole);
  });

  it('lets a broker open its store on a full disk', async (t) => {
    const disk = SmallDisk.mount(t, '8m');
    if (!disk) return;
    const folder = join(disk.path, 'store');
    // In another process: what this one has closed still takes room until it is collected.
    const { stderr } = inChild(
      `const store = SqliteStore.open(process.argv[1], DEFAULT_POLICY, 'always');
      await store.publish(Array.from({ length: 60 }, () => message(20_000)));
      await store.close();`,
      folder,
    );
    assert.equal(stderr, '');
    disk.fill();
    const store = open(t, folder);
    await assert.rejects(put(store, [message(1)]), isRefusal);
    for (let n = 0; n < 60; n++) {
      const reserved = await reserve(store, ['default'], '1:1');
      assert.equal(await settle(store, reserved?.id ?? 0, { kind: 'done' }), 'gone');
    }
    assert.deepEqual(await store.counts(), []);
  });

  it('is missing where the file system is too small; all else works as well as it can', async (t) => {
    const disk = SmallDisk.mount(t, '200k');
    if (!disk) return;
    const store = open(t, disk.path);
    assert.match(store.warning ?? '', /no reserve.*too small/);
    await store.publish([message(100)]);
    assert.ok(await reserve(store, ['default'], '1:1'));
  });

  it('is missing where something else has its name, which is left alone', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'sigmq-store-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'precious'), 'precious');
    symlinkSync(join(folder, 'precious'), join(folder, 'queue.reserve'));
    const store = open(t, folder);
    assert.match(store.warning ?? '', /no reserve/);
    await store.publish([message(100)]);
    assert.equal(readFileSync(join(folder, 'precious'), 'utf8'), 'precious');
  });
});

describe('a limit of the size of files (ulimit -f)', () => {
  it('stops producers, not consumers', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'sigmq-store-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const script = `
      const store = SqliteStore.open(process.argv[1], DEFAULT_POLICY, 'always');
      const ids = [];
      let code;
      for (const bytes of [3000, 500, 1]) try {
        for (;;) ids.push(...(await store.publish([message(bytes)])).map(({ id }) => id));
      } catch (error) { code = error.code; }
      for (const [n, id] of ids.entries()) {
        const [reserved] = await store.reserve(['default'], ['1:1']);
        if (reserved?.id !== id) throw new Error('another one');
        await store.settle([{ id, outcome: { kind: n % 2 ? 'done' : 'dead' } }]);
      }
      await store.purge('default');
      const { length: left } = await store.counts();
      await store.publish([message(100)]);
      console.log(code, ids.length > 100, left);`;
    const { stdout, stderr } = inChild(script, folder, 'ulimit -f 1024');
    assert.equal(stdout, 'store-failed true 0\n', stderr);
  });
});

/** Runs a script with the store at hand; `setup` is for the shell before. */
function inChild(script: string, folder: string, setup = 'true') {
  const url = (name: string) =>
    JSON.stringify(new URL(`../../src/queue/${name}.js`, import.meta.url).href);
  const code = `
    const { SqliteStore } = await import(${url('sqlite/sqlite-store')});
    const { DEFAULT_POLICY } = await import(${url('policy')});
    const message = (bytes) => ({ queue: 'default', body: Buffer.alloc(bytes, 'x'), priority: 0 });
    ${script}`;
  const command = `${setup} && exec "$0" --input-type=module -e "$1" "$2"`;
  return spawnSync('bash', ['-c', command, process.execPath, code, folder], { encoding: 'utf8' });
}

/** Tries until it is done; a bound, not a measure. */
async function eventually(work: () => Promise<unknown>): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; await pause(20)) {
    try {
      await work();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
