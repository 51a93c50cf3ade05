/** Priorities that age, in every store. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Store } from '../../src/queue/store.ts';
import { postgres, sql, storeKinds } from './open-stores.ts';
import { messagesFor, put } from './single.ts';

const message = messagesFor('mail');

const text = ({ body }: { readonly body: Uint8Array }) => Buffer.from(body).toString();

/** Everything that is ready in these queues, in its order. */
async function all(store: Store, queues: readonly string[], atOnce = 1): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const got = await store.reserve(queues, new Array(atOnce).fill('1:1'));
    if (got.length === 0) return texts;
    texts.push(...got.map(text));
  }
}

for (const { name, skip, open } of storeKinds) {
  describe(`aging in the ${name} store`, { skip }, () => {
    it('gives a message first that has waited longer than priorities make up for', async (t) => {
      const { store, clock } = await open(t, { agingMs: 1000 });
      await put(store, [message('low')]);
      clock.ms += 999;
      await put(store, [message('high', { priority: 1 })]);
      clock.ms += 2;
      await put(store, [message('late', { priority: 1, queue: 'news' })]);
      await put(store, [message('urgent', { priority: Number.MAX_SAFE_INTEGER, queue: 'news' })]);
      assert.deepEqual((await store.peek('mail')).map(text), ['high', 'low']);
      assert.deepEqual(await all(store, ['mail', 'news']), ['urgent', 'high', 'low', 'late']);
    });

    it('lets the low ones starve without it', async (t) => {
      const { store, clock } = await open(t);
      await put(store, [message('low')]);
      clock.ms += 1e9;
      await put(store, [message('high', { priority: 1 })]);
      assert.deepEqual(await all(store, ['mail']), ['high', 'low']);
    });

    it('orders what is there already when it is switched on, changed and switched off', async (t) => {
      if (name === 'memory') return;
      const { store: first, clock, again } = await open(t);
      await put(first, [message('low')]);
      clock.ms += 1000;
      await put(first, [message('high', { priority: 1 })]);
      let store = first;
      const order = async (agingMs: number | undefined) => {
        await store.close();
        store = await again({ agingMs });
        return (await store.peek('mail')).map(text).join(' ');
      };
      assert.equal(await order(500), 'low high');
      assert.equal(await order(2000), 'high low');
      assert.equal(await order(500), 'low high');
      assert.equal(await order(undefined), 'high low');
    });

    it('is the order of priority times pace, less the time, whatever there is', async (t) => {
      const AGING_MS = 64;
      const { store, clock } = await open(t, { agingMs: AGING_MS });
      const one = fc.record({
        queue: fc.constantFrom('a', 'b'),
        priority: fc.integer({ min: 0, max: 4 }),
        after: fc.integer({ min: 0, max: 200 }),
      });
      let n = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(one, { minLength: 1, maxLength: 12 }),
          fc.integer({ min: 1, max: 5 }),
          async (some, atOnce) => {
            const placed: { name: string; place: number }[] = [];
            for (const { queue, priority, after } of some) {
              clock.ms += after;
              const name = String(n++);
              await put(store, [message(name, { queue, priority })]);
              placed.push({ name, place: clock.ms - priority * AGING_MS });
            }
            const got = await all(store, ['a', 'b'], atOnce);
            const places = got.map((name) => placed.find((one) => one.name === name)?.place ?? 0);
            assert.equal(got.length, some.length);
            assert.ok(
              // Those of one ms are apart by less than a ms of their positions.
              places.every((place, at) => at === 0 || place >= (places[at - 1] ?? 0)),
              `${got} are at ${places}`,
            );
          },
        ),
        { numRuns: name === 'memory' ? 50 : 10 },
      );
    });
  });
}

describe('indexes for aging that brokers share', { skip: postgres.skip }, () => {
  it('are there as long as a broker needs them', async (t) => {
    const opened = await postgres.open(t, { agingMs: 1000 });
    const schema = opened.store.url?.match(/schema=(\w+)/)?.[1];
    const indexes = () =>
      sql(`SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes
        WHERE schemaname = '${schema}' AND indexname LIKE 'messages_aged%'`);
    assert.equal(indexes(), 'messages_aged_1000');
    const other = await opened.again({ agingMs: 20 }, 'other');
    const strict = await opened.again({}, 'third');
    assert.equal(indexes(), 'messages_aged_1000 messages_aged_20');
    await opened.store.close();
    await strict.close();
    await opened.again({}, 'third');
    assert.equal(indexes(), 'messages_aged_20');
    await other.close();
  });
});
