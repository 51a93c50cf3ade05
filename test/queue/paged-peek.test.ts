import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Selection, Stored } from '../../src/queue/inspection.ts';
import { bodyOf, chunks, messagesOf } from '../../src/queue/paged-peek.ts';
import { FakeStore } from '../broker/fakes.ts';

/** A store of which one sees a little at a time, as through requests; and what was asked. */
function given(most = 100) {
  const store = new FakeStore();
  const asked: Selection[] = [];
  const inspection = {
    peek: async (queue: string, selection: Selection = {}) => {
      asked.push(selection);
      const maxBody = Math.min(selection.maxBody ?? most, most);
      return store.peek(queue, { ...selection, maxBody });
    },
  };
  const all = async (selection?: Selection) => {
    const found: Stored[] = [];
    for await (const message of messagesOf(inspection, 'default', selection)) found.push(message);
    return found.map(({ body }) => Buffer.from(body).toString());
  };
  return { store, inspection, asked, all };
}

describe('messagesOf', () => {
  it('gives all that is asked for, however many and in whatever state', async () => {
    const { store, all } = given();
    const bodies = Array.from({ length: 250 }, (_, n) => String(n));
    await store.put(...bodies);
    await store.publish([{ queue: 'default', body: Buffer.from('d'), priority: 0, delayMs: 1e6 }]);
    assert.deepEqual(await all({ limit: 1000 }), [...bodies, 'd']);
    assert.deepEqual(await all({ limit: 201 }), bodies.slice(0, 201));
    assert.deepEqual(await all(), bodies.slice(0, 100));
    assert.deepEqual(await all({ state: 'delayed' }), ['d']);
    assert.deepEqual(await all({ limit: 0 }), []);
  });

  it('gives those of many ids', async () => {
    const { store, asked, all } = given();
    const ids = await store.put(...Array.from({ length: 150 }, (_, n) => String(n)));
    assert.equal((await all({ ids, limit: 1000 })).length, 150);
    assert.ok(asked.every(({ ids }) => (ids?.length ?? 0) <= 100));
    assert.deepEqual(await all({ ids: ids.slice(5, 7) }), ['5', '6']);
    assert.deepEqual(await all({ ids: [] }), []);
  });

  it('gives bodies of any size, or so much of them as is wanted', async () => {
    const { store, all } = given(100);
    const long = 'long body '.repeat(500);
    await store.put('short', long);
    assert.deepEqual(await all(), ['short', long]);
    assert.deepEqual(await all({ maxBody: 250 }), ['short', long.slice(0, 250)]);
    assert.deepEqual(await all({ maxBody: 0 }), ['', '']);
    assert.deepEqual(await all({ fromByte: 7, maxBody: 300 }), ['', long.slice(7, 307)]);
  });

  it('leaves out what goes away while it is read', async () => {
    const { store, inspection, all } = given(10);
    await store.put('x'.repeat(50), 'stays');
    const peek = inspection.peek;
    inspection.peek = async (queue, selection = {}) => {
      if (selection.fromByte) await store.purge('default', { limit: 1 });
      return peek(queue, selection);
    };
    assert.deepEqual(await all(), ['stays']);
  });
});

describe('bodyOf', () => {
  it('gives a body in slices, and ends early when the message goes away', async () => {
    const { store, inspection } = given(10);
    await store.put('0123456789abcdefghijABC');
    const [message] = await inspection.peek('default', { maxBody: 0 });
    assert.ok(message);
    const slices: string[] = [];
    for await (const slice of bodyOf(inspection, 'default', message)) {
      slices.push(Buffer.from(slice).toString());
      if (slices.length === 2) await store.purge('default');
    }
    assert.deepEqual(slices, ['0123456789', 'abcdefghij']);
  });
});

it('chunks leaves nothing out', () => {
  assert.deepEqual(chunks([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]]);
  assert.deepEqual(chunks([], 2), []);
});
