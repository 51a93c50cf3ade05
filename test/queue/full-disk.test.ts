/** A full disk stops producers, not consumers. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { StoreError } from '../../src/queue/errors.ts';
import { SqliteStore } from '../../src/queue/sqlite-store.ts';
import { DEFAULT_POLICY, type NewMessage } from '../../src/queue/store.ts';
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
    for (;;) ids.push(...(await store.publish([message(bytes)])));
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
        else for (let n = 0; n < 50; n++) ids.push(...(await store.publish([message(bytes)])));
        if (filler !== 'producers') disk.fill();
        const later: number[] = [];
        let n = 0;
        for (const id of ids) {
          const reserved = await store.reserve(['default'], '1:1');
          assert.equal(reserved?.id, id);
          // All that writes: given back, failed, dead, done.
          const kind = (['done', 'failed', 'dead'] as const)[n++ % 3] ?? 'done';
          await store.settle(id, { kind });
          if (n % 7 === 0) {
            later.push(...(await publishAll(store, 2000)));
          }
          if (filler !== 'producers' && n % 5 === 0) disk.fill();
        }
        for (const id of later) {
          assert.equal((await store.reserve(['default'], '1:1'))?.id, id);
          await store.settle(id, { kind: 'done' });
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
