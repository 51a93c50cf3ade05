/** What holds for every store. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { REPLIES_KEPT_MS } from '../../src/queue/asks.ts';
import { StoreFull } from '../../src/queue/errors.ts';
import type { NewMessage } from '../../src/queue/message.ts';
import type { StorePolicy } from '../../src/queue/policy.ts';
import type { Store } from '../../src/queue/store.ts';
import { postgres, sql, storeKinds } from './open-stores.ts';
import { messagesFor, put, reserve, settle } from './single.ts';

/** How often something at random is done to each: a new store costs that much more. */
const RUNS: Record<string, number> = { memory: 100, sqlite: 25, postgres: 10 };

const bytes = (text: string) => Buffer.from(text);
const message = messagesFor('default');

for (const { name, skip, open } of storeKinds) {
  const given = async (t: TestContext, policy: Partial<StorePolicy> = {}) => {
    const { store, clock } = await open(t, policy);
    const next = async (queues = ['default']) => {
      const reserved = await reserve(store, queues, '1:1');
      return reserved && Buffer.from(reserved.body).toString();
    };
    return { store, clock, next };
  };

  describe(`${name} store`, { skip }, () => {
    it('gives the highest priority first, then the oldest, of all queues that are asked for', async (t) => {
      const { store, next } = await given(t);
      await put(store, [
        message('a'),
        message('b', { queue: 'other', priority: 1 }),
        message('c', { priority: 2 }),
        message('d', { queue: 'unasked', priority: 9 }),
        message('e'),
      ]);
      const order = [];
      for (let n = 0; n < 5; n++) order.push(await next(['default', 'other']));
      assert.deepEqual(order, ['c', 'b', 'a', 'e', undefined]);
    });

    it('keeps any bytes, headers and the time', async (t) => {
      const { store, clock } = await given(t);
      const body = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
      const headers = [['kind', 'größer'] as const];
      const [id] = await put(store, [message('', { body, headers })]);
      const reserved = await reserve(store, ['default'], '1:1');
      assert.deepEqual(reserved && { ...reserved, body: Buffer.from(reserved.body) }, {
        id,
        queue: 'default',
        body,
        headers,
        ...{ attempt: 1, delivery: 1, releases: 0, incarnation: store.incarnation },
        enqueuedAt: clock.ms,
      });
    });

    it('gives nothing twice while it is held, and names who holds it', async (t) => {
      const { store, next } = await given(t);
      const [id] = await put(store, [message('a')]);
      await reserve(store, ['default'], '7:8');
      assert.equal(await next(), undefined);
      const held = await store.reservations();
      assert.deepEqual(
        held.map((one) => [one.id, one.consumer, one.attempt]),
        [[id, '7:8', 1]],
      );
    });

    it('forgets what is done, and says so when it is settled again', async (t) => {
      const { store } = await given(t);
      const [id = 0] = await put(store, [message('a')]);
      assert.equal(await settle(store, id, { kind: 'done' }), 'unknown');
      await reserve(store, ['default'], '1:1');
      assert.equal(await settle(store, id, { kind: 'done' }), 'gone');
      assert.equal(await settle(store, id, { kind: 'done' }), 'unknown');
      assert.deepEqual(await store.counts(), []);
    });

    it('puts what was returned, or not taken, at its old place, and spends nothing', async (t) => {
      for (const kind of ['return', 'untaken'] as const) {
        const { store, next } = await given(t, { maxAttempts: 1, maxReleases: 0 });
        const [id = 0] = await put(store, [message('a'), message('b')]);
        await reserve(store, ['default'], '1:1');
        assert.equal(await settle(store, id, { kind }), 'ready');
        const again = await reserve(store, ['default'], '1:1');
        assert.deepEqual([again?.id, again?.attempt, again?.releases], [id, 1, 0]);
        assert.equal(again?.delivery, kind === 'return' ? 2 : 1);
        assert.equal(await next(), 'b');
      }
    });

    it('lets the others go first when one is given back, longer each time, and spends no attempt', async (t) => {
      const { store, clock, next } = await given(t, { maxAttempts: 1, backoffMs: 100 });
      const [id = 0] = await put(store, [message('a'), message('b')]);
      for (const [n, pause] of [100, 200, 400].entries()) {
        const { attempt, releases, delivery } = (await reserve(store, ['default'], '1:1')) ?? {};
        assert.deepEqual([attempt, releases, delivery], [1, n, n + 1]);
        assert.equal(await settle(store, id, { kind: 'release' }), 'delayed');
        if (n === 0) assert.equal(await next(), 'b');
        await store.sweep();
        assert.equal(await store.nextSweep(), clock.ms + pause);
        clock.ms += pause;
      }
      const [shown] = await store.peek('default');
      assert.deepEqual([shown?.id, shown?.releases, shown?.attempt], [id, 3, 1]);
    });

    it('counts one as dead that is given back too often', async (t) => {
      const { store, clock } = await given(t, { maxReleases: 1, backoffMs: 1 });
      const [id = 0] = await put(store, [message('a')]);
      for (const became of ['delayed', 'dead']) {
        clock.ms += 10;
        await reserve(store, ['default'], '1:1');
        assert.equal(await settle(store, id, { kind: 'release' }), became);
      }
    });

    it('never gives a delivery the name of another, whatever becomes of the message', async (t) => {
      const { store, clock } = await given(t, { maxAttempts: 2, backoffMs: 1 });
      const [id = 0] = await put(store, [message('a')]);
      const names = new Set<string>();
      const ends = [
        'lost',
        'release',
        'return',
        'dead',
        'failed',
        'dead',
        'release',
        'lost',
      ] as const;
      for (const kind of ends) {
        clock.ms += 10_000;
        await store.kick('default');
        const { attempt, delivery } = (await reserve(store, ['default'], '1:1')) ?? {};
        assert.ok(!names.has(`${delivery}`), `${attempt} ${delivery} after a kick or ${kind}`);
        names.add(`${delivery}`);
        await settle(store, id, { kind });
      }
      assert.equal(names.size, ends.length);
    });

    it('takes a late `done` for the last delivery only, while the message waits', async (t) => {
      const { store, clock } = await given(t, { maxAttempts: 3 });
      const { incarnation } = store;
      const [id = 0] = await put(store, [message('a')]);
      await reserve(store, ['default'], '1:1');
      assert.equal(await store.settleLate(id, { incarnation, delivery: 1 }), undefined, 'held');
      await settle(store, id, { kind: 'lost' });
      for (const other of [{ delivery: 2 }, { incarnation: incarnation + 1 }]) {
        const name = { incarnation, delivery: 1, ...other };
        assert.equal(await store.settleLate(id, name), undefined);
      }
      await reserve(store, ['default'], '2:2');
      await settle(store, id, { kind: 'failed' });
      assert.equal(
        await store.settleLate(id, { incarnation, delivery: 1 }),
        undefined,
        'had since',
      );
      assert.equal(await store.settleLate(id, { incarnation, delivery: 2 }), 'default');
      assert.deepEqual(await store.counts(), []);
      const [dead = 0] = await put(store, [message('b')]);
      clock.ms += 1;
      await reserve(store, ['default'], '1:1');
      await settle(store, dead, { kind: 'dead' });
      assert.equal(await store.settleLate(dead, { incarnation, delivery: 1 }), undefined, 'dead');
    });

    it('makes a lost one ready at once, a failed one after a pause that doubles', async (t) => {
      const { store, clock } = await given(t, { maxAttempts: 9, backoffMs: 100 });
      const [id = 0] = await put(store, [message('a')]);
      await reserve(store, ['default'], '1:1');
      await settle(store, id, { kind: 'lost' });
      assert.equal((await reserve(store, ['default'], '1:1'))?.attempt, 2);
      await settle(store, id, { kind: 'failed' });
      assert.equal(await reserve(store, ['default'], '1:1'), undefined);
      assert.equal(await store.nextSweep(), clock.ms + 200);
      clock.ms += 199;
      assert.equal(await reserve(store, ['default'], '1:1'), undefined);
      clock.ms += 1;
      assert.equal((await reserve(store, ['default'], '1:1'))?.attempt, 3);
      await store.sweep();
      assert.equal(await store.nextSweep(), undefined);
    });

    for (const kind of ['failed', 'lost'] as const) {
      it(`counts one as dead when its attempts are used up (${kind})`, async (t) => {
        const { store, clock, next } = await given(t, { maxAttempts: 2, backoffMs: 10 });
        const [id = 0] = await put(store, [message('a')]);
        for (let attempt = 1; attempt <= 2; attempt++) {
          clock.ms += 1000;
          await reserve(store, ['default'], '1:1');
          await settle(store, id, { kind });
        }
        clock.ms += 1000;
        assert.equal(await next(), undefined);
        const [dead] = await store.peek('default', { state: 'dead' });
        assert.deepEqual([dead?.id, dead?.state], [id, 'dead']);
        assert.equal(await store.kick('default'), 1);
        // Attempts that nobody has seen, and all of them.
        for (let attempt = 3; attempt <= 4; attempt++) {
          clock.ms += 1000;
          assert.equal((await reserve(store, ['default'], '1:1'))?.attempt, attempt);
          await settle(store, id, { kind });
        }
        assert.equal((await store.counts())[0]?.dead, 1);
      });
    }

    it('counts one as dead at once when the consumer says so', async (t) => {
      const { store } = await given(t);
      const [id = 0] = await put(store, [message('a')]);
      await reserve(store, ['default'], '1:1');
      await settle(store, id, { kind: 'dead' });
      assert.equal((await store.counts())[0]?.dead, 1);
    });

    it('holds a delayed one back, and drops an expired one', async (t) => {
      const { store, clock, next } = await given(t);
      await put(store, [
        message('later', { delayMs: 50.5 }),
        message('short', { ttlMs: 20 }),
        message('both', { delayMs: 10, ttlMs: 20 }),
      ]);
      assert.equal(await store.nextSweep(), clock.ms + 10);
      clock.ms += 25;
      assert.equal(await next(), undefined);
      clock.ms += 30;
      assert.equal(await next(), 'later');
      const [counts] = await store.counts();
      assert.deepEqual(counts, {
        queue: 'default',
        paused: false,
        ready: 0,
        delayed: 0,
        reserved: 1,
        dead: 0,
      });
    });

    it('drops nothing that a consumer took in time, whatever becomes of it', async (t) => {
      for (const kind of ['lost', 'failed', 'release', 'return'] as const) {
        const { store, clock, next } = await given(t, { backoffMs: 1 });
        const [id = 0] = await put(store, [message('a', { ttlMs: 10 })]);
        await reserve(store, ['default'], '1:1');
        clock.ms += 20;
        assert.equal(await next(), undefined);
        await settle(store, id, { kind });
        clock.ms += 20;
        assert.equal(await next(), 'a', kind);
        assert.deepEqual([...store.takeExpired()], []);
      }
    });

    it('drops one that was reserved and not taken', async (t) => {
      const { store, clock, next } = await given(t);
      const [id = 0] = await put(store, [message('a', { ttlMs: 10 })]);
      await reserve(store, ['default'], '1:1');
      clock.ms += 20;
      await settle(store, id, { kind: 'untaken' });
      assert.equal(await next(), undefined);
      assert.deepEqual([...store.takeExpired()], [['default', 1]]);
      assert.deepEqual([...store.takeExpired()], []);
    });

    it('keeps what expires as dead when it is to; a kick makes it immortal', async (t) => {
      const { store, clock, next } = await given(t, { deadExpired: true });
      await put(store, [
        message('a', { ttlMs: 10 }),
        message('b', { ttlMs: 10, delayMs: 5 }),
        message('c', { ttlMs: 10, delayMs: 9 }),
      ]);
      clock.ms += 6;
      await store.sweep();
      clock.ms += 6;
      await store.sweep();
      assert.deepEqual([...store.takeExpired()], [['default', 3]]);
      assert.equal((await store.counts())[0]?.dead, 3);
      assert.equal(await store.kick('default'), 3);
      clock.ms += 1e9;
      for (const body of ['a', 'b', 'c']) assert.equal(await next(), body);
    });

    it('makes room for messages when others have expired, also when nobody looks', async (t) => {
      const { store, clock } = await given(t, { maxMessages: 2, maxBytes: 10 });
      await put(store, [message('a', { ttlMs: 10 }), message('b', { ttlMs: 10 })]);
      await assert.rejects(put(store, [message('c')]), StoreFull);
      clock.ms += 10;
      await put(store, [message('c'), message('123456789')]);
    });

    for (const [name, look] of [
      ['counts', (store) => store.counts()],
      ['peek', (store) => store.peek('other')],
      ['hasReady', (store) => store.hasReady(['other'])],
      ['reserve', (store) => reserve(store, ['other'], 'other')],
      ['publish', (store) => put(store, [message('c', { queue: 'other' })])],
    ] as [string, (store: Store) => Promise<unknown>][]) {
      it(`tells whom it concerns what ${name} has found due`, async (t) => {
        const { store, clock } = await given(t);
        await put(store, [message('a', { delayMs: 10 })]);
        clock.ms += 10;
        await look(store);
        const next = (await store.nextSweep()) ?? Number.POSITIVE_INFINITY;
        assert.ok(next <= clock.ms, 'at once');
        assert.equal(await store.sweep(), true);
        assert.deepEqual([await store.sweep(), await store.nextSweep()], [false, undefined]);
      });
    }

    it('makes what is due ready also when nobody asks for a message', async (t) => {
      const { store, clock } = await given(t);
      await put(store, [message('a', { delayMs: 10 }), message('b', { ttlMs: 5 })]);
      assert.equal(await store.sweep(), false);
      assert.equal(await store.nextSweep(), clock.ms + 5);
      clock.ms += 5;
      assert.equal(await store.sweep(), false, 'only an expiry');
      assert.equal(await store.nextSweep(), clock.ms + 5);
      clock.ms += 5;
      assert.equal(await store.sweep(), true);
      assert.equal(await store.nextSweep(), undefined);
      assert.equal(await store.hasReady(['other', 'default']), true);
      assert.equal(await store.hasReady(['other']), false);
    });

    it('puts a message behind those that were ready before it', async (t) => {
      const { store, clock, next } = await given(t, { maxAttempts: 1, backoffMs: 10 });
      await put(store, [message('dead'), message('due third', { delayMs: 30 })]);
      const { id: dead = 0 } = (await reserve(store, ['default'], '1:1')) ?? {};
      await settle(store, dead, { kind: 'dead' });
      await put(store, [message('due first', { delayMs: 10 }), message('released')]);
      clock.ms += 1;
      const { id = 0 } = (await reserve(store, ['default'], '1:1')) ?? {};
      await settle(store, id, { kind: 'release' }); // due second, at 11
      clock.ms += 20;
      await put(store, [message('sent')]);
      await store.kick('default');
      clock.ms += 20;
      const order = [];
      for (let n = 0; n < 5; n++) order.push(await next());
      assert.deepEqual(order, ['due first', 'released', 'sent', 'dead', 'due third']);
    });

    it('knows since when a message has been ready', async (t) => {
      const { store, clock } = await given(t);
      assert.equal(await store.oldest('default'), undefined);
      clock.ms += 100;
      const at = clock.ms;
      await put(store, [message('a', { priority: 1 }), message('b', { delayMs: 50 })]);
      clock.ms += 60;
      await put(store, [message('c', { priority: 9 })]);
      await store.sweep();
      assert.equal(await store.oldest('default'), at);
      await store.purge('default', { limit: 2 }); // c, a
      assert.equal(await store.oldest('default'), at + 60);
      assert.equal(await store.oldest('other'), undefined);
    });

    it('refuses a batch over its limits, all of it, and takes it when there is room', async (t) => {
      const { store } = await given(t, { maxMessages: 3, maxBytes: 100 });
      const three = [message('a'), message('b'), message('c')];
      await assert.rejects(put(store, [...three, message('d')]), StoreFull);
      assert.deepEqual(await store.counts(), []);
      await assert.rejects(put(store, [message('x'.repeat(101))]), StoreFull);
      const [id = 0] = await put(store, three);
      await assert.rejects(put(store, [message('d')]), StoreFull);
      await reserve(store, ['default'], '1:1');
      await assert.rejects(put(store, [message('d')]), StoreFull);
      await settle(store, id, { kind: 'done' });
      await put(store, [message('d')]);
    });

    it('gives nothing from a paused queue, and takes for it', async (t) => {
      const { store, next } = await given(t);
      await put(store, [message('a')]);
      await store.pause('default', true);
      await put(store, [message('b')]);
      assert.equal(await next(), undefined);
      assert.equal((await store.counts())[0]?.paused, true);
      await store.pause('default', false);
      assert.equal(await next(), 'a');
    });

    it('purges by queue, state and id, but not what a consumer holds', async (t) => {
      const { store, next } = await given(t);
      const ids = await put(store, [
        message('held'),
        message('a'),
        message('b'),
        message('c', { queue: 'other' }),
        message('d', { delayMs: 99 }),
      ]);
      await next();
      assert.equal(await store.purge('default', { ids: [ids[1] ?? 0, 999] }), 1);
      assert.equal(await store.purge('default', { state: 'delayed' }), 1);
      assert.equal(await store.purge('default', { state: 'reserved' }), 0);
      assert.equal(await store.purge('default'), 1);
      assert.equal(await store.purge('nothing'), 0);
      assert.equal(await next(), undefined);
      assert.equal(await next(['other']), 'c');
      assert.equal(await settle(store, ids[0] ?? 0, { kind: 'done' }), 'gone');
    });

    it('purges and kicks the first ones first, state by state', async (t) => {
      const { store, next } = await given(t, { maxAttempts: 1 });
      await put(store, [message('dead'), message('dead, and more urgent', { priority: 1 })]);
      for (let n = 0; n < 2; n++) {
        const { id = 0 } = (await reserve(store, ['default'], '1:1')) ?? {};
        await settle(store, id, { kind: 'failed' });
      }
      const ready = [message('a'), message('b'), message('c', { priority: 1 })];
      await put(store, [...ready, message('later', { delayMs: 99, priority: 9 })]);
      assert.equal(await store.purge('default', { limit: 2 }), 2); // c, a
      assert.equal(await store.kick('default', { limit: 1 }), 1);
      assert.equal(await next(), 'dead, and more urgent');
      assert.equal(await next(), 'b');
      assert.equal(await store.purge('default', { limit: 9 }), 2);
    });

    it('does not let one expire that was kicked back', async (t) => {
      const { store, clock, next } = await given(t, { maxAttempts: 1 });
      await put(store, [message('a', { ttlMs: 10 }), message('b', { ttlMs: 20 })]);
      const { id = 0 } = (await reserve(store, ['default'], '1:1')) ?? {};
      await settle(store, id, { kind: 'failed' });
      clock.ms += 15;
      assert.equal(await store.kick('default'), 1);
      clock.ms += 15;
      assert.deepEqual(
        (await store.peek('default')).map(({ body }) => Buffer.from(body).toString()),
        ['a'],
      );
      const again = await reserve(store, ['default'], '1:1');
      assert.equal(again?.id, id);
      await settle(store, id, { kind: 'return' });
      assert.equal(await next(), 'a');
    });

    it('kicks and purges by id among many, and more than a step takes', async (t) => {
      const { store } = await given(t, { maxAttempts: 1 });
      const many = Array.from({ length: 2500 }, (_, n) => message(`${n}`));
      const ids = await put(store, many);
      for (const _ of ids) {
        const { id = 0 } = (await reserve(store, ['default'], '1:1')) ?? {};
        await settle(store, id, { kind: 'dead' });
      }
      const some = [ids[7] ?? 0, ids[9] ?? 0, 99_999];
      assert.equal(await store.kick('other', { ids: some }), 0);
      assert.equal(await store.kick('default', { ids: some }), 2);
      assert.equal(
        await store.purge('default', { state: 'dead', ids: [ids[0] ?? 0, ids[7] ?? 0] }),
        1,
      );
      assert.equal(await store.kick('default'), 2497);
      const order = [];
      for (let n = 0; n < 4; n++) order.push((await reserve(store, ['default'], '1:1'))?.id);
      assert.deepEqual(order, [ids[7], ids[9], ids[1], ids[2]]);
      assert.equal(await store.purge('default'), 2495);
    });

    it('finds a message by its id, and a part of its body', async (t) => {
      const { store, clock } = await given(t);
      const [id = 0] = await put(store, [
        message('hello', { queue: 'other', delayMs: 5, priority: 3, headers: [['k', 'v']] }),
      ]);
      const found = await store.find(id);
      assert.deepEqual(
        [found?.queue, found?.state, found?.priority, found?.dueAt, found?.headers],
        ['other', 'delayed', 3, clock.ms + 5, [['k', 'v']]],
      );
      assert.deepEqual(Buffer.from(found?.body ?? ''), bytes('hello'));
      const part = await store.find(id, { fromByte: 1, maxBody: 3 });
      assert.deepEqual([Buffer.from(part?.body ?? ''), part?.bytes], [bytes('ell'), 5]);
      clock.ms += 5;
      assert.equal((await store.find(id))?.state, 'ready');
      assert.equal(await store.find(id + 1), undefined);
    });

    it('removes messages by id, in whatever queue and state, but not what a consumer holds', async (t) => {
      const { store, next } = await given(t, { maxMessages: 4 });
      const [held = 0, dead = 0, delayed = 0, ready = 0] = await put(store, [
        ...[message('held', { priority: 2 }), message('dead', { priority: 1 })],
        ...[message('delayed', { delayMs: 99 }), message('ready', { queue: 'other' })],
      ]);
      await next();
      await next();
      await settle(store, dead, { kind: 'dead' });
      assert.deepEqual(await store.remove([ready, 999, held, dead, delayed]), [
        ...['done', 'missing', 'held', 'done', 'done'],
      ]);
      assert.deepEqual(await store.remove([ready]), ['missing']);
      assert.deepEqual(
        (await store.counts()).map(({ queue, reserved }) => [queue, reserved]),
        [['default', 1]],
      );
      await put(store, [message('a'), message('b'), message('c')]); // there is room for them
      assert.equal(await settle(store, held, { kind: 'done' }), 'gone');
    });

    it('changes queue, priority and delay of what is waiting, and nothing else of it', async (t) => {
      const { store, clock, next } = await given(t);
      const ids = await put(
        store,
        ['a', 'b', 'c', 'd'].map((text) => message(text)),
      );
      const [a = 0, b = 0, c = 0, d = 0] = ids;
      assert.deepEqual(await store.edit([c], { priority: 1 }), ['done']);
      assert.deepEqual(await store.edit([a, d], { queue: 'other' }), ['done', 'done']);
      await put(store, [message('e', { queue: 'other' })]);
      assert.deepEqual(await store.edit([b], { delayMs: 10 }), ['done']);
      assert.deepEqual([await next(), await next()], ['c', undefined]);
      clock.ms += 10;
      assert.equal(await next(), 'b');
      assert.equal(await next(['other']), 'a'); // the oldest, though it came last to this queue
      assert.equal(await next(['other']), 'd');
      const found = await store.find(d);
      assert.deepEqual([found?.attempt, found?.delivery, found?.enqueuedAt], [1, 1, clock.ms - 10]);
    });

    it('makes one ready that was delayed, as the last one', async (t) => {
      const { store, next } = await given(t);
      const [later = 0] = await put(store, [message('later', { delayMs: 99 }), message('a')]);
      assert.deepEqual(await store.edit([later], { delayMs: 0 }), ['done']);
      await put(store, [message('b')]);
      assert.deepEqual([await next(), await next(), await next()], ['a', 'later', 'b']);
    });

    it('delays one anew', async (t) => {
      const { store, clock, next } = await given(t);
      const [id = 0] = await put(store, [message('x', { delayMs: 99 })]);
      await store.edit([id], { delayMs: 10 });
      assert.equal(await store.nextSweep(), clock.ms + 10);
      await store.edit([id], { delayMs: 500 });
      clock.ms += 499;
      assert.equal(await next(), undefined);
      clock.ms += 1;
      assert.equal(await next(), 'x');
    });

    it('says why one was not changed', async (t) => {
      const { store, clock, next } = await given(t);
      const [held = 0, dead = 0, expiring = 0, a = 0] = await put(store, [
        ...[message('held', { priority: 2 }), message('dead', { priority: 1 })],
        ...[message('expiring', { ttlMs: 50 }), message('a')],
      ]);
      await next();
      await next();
      await settle(store, dead, { kind: 'dead' });
      const all = [held, dead, expiring, a, 999];
      assert.deepEqual(await store.edit(all, { delayMs: 50 }), [
        ...['held', 'dead', 'expires', 'done', 'missing'],
      ]);
      assert.equal((await store.find(expiring))?.state, 'ready');
      assert.deepEqual(await store.edit([expiring], { delayMs: 49 }), ['done']);
      clock.ms += 49;
      assert.equal(await next(), 'expiring');
    });

    it('stores one message of a queue for each key, until it is done', async (t) => {
      const { store } = await given(t);
      const send = (text: string, more: Partial<NewMessage> = {}) =>
        store.publish([message(text, { key: 'k', ...more })]);
      const [first] = await send('first');
      assert.equal(first?.isDuplicate, false);
      const duplicate = [{ id: first?.id, isDuplicate: true }];
      assert.deepEqual(await send('again'), duplicate);
      assert.equal((await send('another', { key: 'l' }))[0]?.isDuplicate, false);
      assert.equal((await send('elsewhere', { queue: 'other' }))[0]?.isDuplicate, false);
      const id = first?.id ?? 0;
      assert.equal((await store.find(id))?.key, 'k');
      for (const kind of ['failed', 'release'] as const) {
        await reserve(store, ['default'], '1:1');
        assert.deepEqual(await send('while it is held'), duplicate);
        await settle(store, id, { kind });
        assert.deepEqual(await send('while it is delayed'), duplicate);
        await store.edit([id], { delayMs: 0, priority: 9 });
      }
      await reserve(store, ['default'], '1:1');
      assert.equal(await settle(store, id, { kind: 'done' }), 'gone');
      assert.equal((await send('afterwards'))[0]?.isDuplicate, false);
      assert.deepEqual(
        (await store.counts()).map(({ queue, ready }) => [queue, ready]),
        [
          ['default', 2],
          ['other', 1],
        ],
      );
    });

    it('keeps a key for a while after its message is done, when that is asked for', async (t) => {
      const { store, clock } = await given(t);
      const one = message('x', { key: 'k', keyTtlMs: 100 });
      const [id = 0] = await put(store, [one]);
      await reserve(store, ['default'], '1:1');
      await settle(store, id, { kind: 'done' });
      clock.ms += 99;
      assert.deepEqual(await store.publish([one]), [{ id, isDuplicate: true }]);
      clock.ms += 1;
      const [again] = await store.publish([one]);
      assert.equal(again?.isDuplicate, false);
      // What is removed is not done; what is late is.
      assert.deepEqual(await store.remove([again?.id ?? 0]), ['done']);
      assert.equal((await store.publish([one]))[0]?.isDuplicate, false);
      const reserved = await reserve(store, ['default'], '1:1');
      assert.ok(reserved);
      await settle(store, reserved.id, { kind: 'lost' });
      assert.equal(await store.settleLate(reserved.id, reserved), 'default');
      assert.deepEqual(await store.publish([one]), [{ id: reserved.id, isDuplicate: true }]);
    });

    it('names the message that is kicked back rather than the one that is done', async (t) => {
      const { store } = await given(t);
      const one = message('x', { key: 'k', keyTtlMs: 100 });
      const ids: number[] = [];
      for (const kind of ['dead', 'done'] as const) {
        ids.push(...(await put(store, [one])));
        await reserve(store, ['default'], '1:1');
        await settle(store, ids.at(-1) ?? 0, { kind });
      }
      await store.kick('default');
      assert.deepEqual(await store.publish([one, message('y')]), [
        { id: ids[0], isDuplicate: true },
        { id: (ids[1] ?? 0) + 1, isDuplicate: false },
      ]);
    });

    it('stores the others of a batch, and counts no duplicate against a limit', async (t) => {
      const { store, next } = await given(t, { maxMessages: 4 });
      const key = (text: string, key?: string) => message(text, key === undefined ? {} : { key });
      const [first] = await put(store, [key('a', 'k')]);
      const became = await store.publish([
        ...[key('b'), key('dup', 'k'), key('c', 'l'), key('dup', 'l'), key('d')],
      ]);
      assert.deepEqual(
        became.map(({ isDuplicate }) => isDuplicate),
        [false, true, false, true, false],
      );
      assert.equal(became[1]?.id, first);
      assert.equal(became[3]?.id, became[2]?.id);
      const texts = [];
      for (const id of [first, became[0]?.id, became[2]?.id, became[4]?.id])
        texts.push(Buffer.from((await store.find(id ?? 0))?.body ?? '').toString());
      assert.deepEqual(texts, ['a', 'b', 'c', 'd']);
      assert.deepEqual(await store.publish([key('dup', 'k')]), [{ id: first, isDuplicate: true }]);
      await assert.rejects(store.publish([key('e', 'm')]), StoreFull);
      assert.deepEqual([await next(), await next(), await next()], ['a', 'b', 'c']);
    });

    it('frees the key of a dead message, which comes back without it if it must', async (t) => {
      const { store } = await given(t);
      const one = message('x', { key: 'k' });
      const dead: number[] = [];
      for (let n = 0; n < 3; n++) {
        const [stored] = await store.publish([one]);
        assert.equal(stored?.isDuplicate, false);
        const id = stored?.id ?? 0;
        dead.push(id);
        await reserve(store, ['default'], '1:1');
        await settle(store, id, { kind: 'dead' });
      }
      assert.equal(await store.kick('default'), 3);
      const keys = async () => (await store.peek('default')).map(({ key }) => key);
      assert.deepEqual(await keys(), ['k', undefined, undefined]);
      await reserve(store, ['default'], '1:1');
      await settle(store, dead[0] ?? 0, { kind: 'dead' });
      await store.publish([one]);
      assert.equal(await store.kick('default', { ids: dead }), 1);
      assert.deepEqual(await keys(), [undefined, undefined, 'k', undefined]);
    });

    it('moves no message to a queue where its key is taken', async (t) => {
      const { store } = await given(t);
      const at = (queue: string) => message('x', { queue, key: 'k' });
      const [a = 0, b = 0, c = 0] = await put(store, [at('a'), at('b'), at('c')]);
      assert.deepEqual(await store.edit([a, b], { queue: 'c' }), ['duplicate', 'duplicate']);
      await store.remove([c]);
      assert.deepEqual(await store.edit([a, b], { queue: 'c' }), ['done', 'duplicate']);
      assert.deepEqual(await store.edit([a], { queue: 'c', priority: 1 }), ['done']);
    });

    it('shows messages without taking them', async (t) => {
      const { store, clock } = await given(t);
      await put(store, [message('a', { delayMs: 5 }), message('b'), message('c', { priority: 1 })]);
      const shown = await store.peek('default');
      assert.deepEqual(
        shown.map((one) => [Buffer.from(one.body).toString(), one.state, one.priority, one.dueAt]),
        [
          ['c', 'ready', 1, undefined],
          ['b', 'ready', 0, undefined],
          ['a', 'delayed', 0, clock.ms + 5],
        ],
      );
      assert.equal((await store.peek('default', { limit: 1 })).length, 1);
    });

    it('keeps what who asked is to be told, with the end of the message, until it is told', async (t) => {
      const { store, clock } = await given(t, { maxAttempts: 2, backoffMs: 1 });
      const asker = (n: number, place = 'größer 4:5') => `70:500:${n} ${place}`;
      const ids = await put(store, [
        message('a', { asker: asker(1) }),
        message('b', { asker: asker(2), key: 'k' }),
        message('c'),
        message('d', { asker: asker(3, 'elsewhere') }),
        message('e', { asker: asker(4) }),
      ]);
      const [a = 0, b = 0, c = 0, d = 0, e = 0] = ids;
      assert.equal(await store.asked(asker(1)), 'ready');
      assert.equal(await store.asked(asker(9)), undefined);
      const got = await store.reserve(['default'], Array(5).fill('1:1'));
      assert.deepEqual(
        got.map((one) => one.asker),
        [asker(1), asker(2), undefined, asker(3, 'elsewhere'), asker(4)],
      );
      assert.deepEqual(
        (await store.reservations()).map((one) => one.asker),
        got.map((one) => one.asker),
      );
      assert.equal(await store.asked(asker(1)), 'reserved');
      const ending = (id: number, kind: 'done' | 'failed' | 'lost' | 'dead', by?: string) => ({
        ...{ id, outcome: { kind } },
        replied:
          by === undefined
            ? undefined
            : {
                ...{ asker: by, ifGone: Buffer.from([0, id]), ifDead: Buffer.from([255, id]) },
              },
      });
      await store.settle([
        ending(a, 'done', asker(1)),
        ending(b, 'failed', asker(2)),
        ending(c, 'done'),
        ending(d, 'dead', asker(3, 'elsewhere')),
      ]);
      assert.equal(await store.asked(asker(1)), 'answered');
      assert.equal(await store.asked(asker(2)), 'delayed', 'it may yet be done');
      assert.deepEqual(await store.repliesAt('größer 4:5', 10), [asker(1)]);
      assert.deepEqual(await store.repliesAt('4:5', 10), []);
      assert.deepEqual(await store.repliesAt('elsewhere', 10), [asker(3, 'elsewhere')]);
      const content = async (by: string) => [...((await store.reply(by))?.content ?? [])];
      assert.deepEqual(await content(asker(1)), [0, a]);
      assert.deepEqual(await content(asker(3, 'elsewhere')), [255, d]);
      assert.equal(await store.reply(asker(2)), undefined);

      // Given to others, and done after all.
      await store.settle([ending(e, 'lost', asker(4))]);
      const name = { incarnation: store.incarnation, delivery: 1 };
      assert.equal(await store.settleLate(e, name, Buffer.from('late')), 'default');
      assert.deepEqual(await content(asker(4)), [...Buffer.from('late')]);

      clock.ms += 100;
      await reserve(store, ['default'], '1:1');
      await store.settle([ending(b, 'lost', asker(2))]);
      assert.deepEqual(await content(asker(2)), [255, b]);
      assert.equal((await store.repliesAt('größer 4:5', 2)).length, 2);
      await store.forgetReplies([asker(1), asker(2), asker(4), asker(9)]);
      assert.deepEqual(await store.repliesAt('größer 4:5', 10), []);
      assert.equal(await store.asked(asker(1)), undefined);
      assert.equal(await store.asked(asker(2)), 'dead', 'nobody waits for it any more');

      // Kicked, and done: nobody asked twice, and the first reply counts.
      await store.kick('default', { ids: [b] });
      await reserve(store, ['default'], '1:1');
      await store.settle([ending(b, 'done', asker(2))]);
      assert.deepEqual(await content(asker(2)), [0, b]);
    });

    it('tells nobody of what is not settled after all', async (t) => {
      const { store } = await given(t);
      const [id = 0] = await put(store, [message('a', { asker: '1:2:3 here' })]);
      await reserve(store, ['default'], '1:1');
      const nothing = Buffer.from('');
      const replied = { asker: '1:2:3 here', ifGone: nothing, ifDead: nothing };
      await store.settle([
        { id, outcome: { kind: 'done' }, replied },
        { id: 999, outcome: { kind: 'done' } },
      ]);
      assert.deepEqual(await store.repliesAt('here', 10), []);
      assert.equal(await store.asked('1:2:3 here'), 'reserved');
      for (const kind of ['release', 'return', 'untaken'] as const) {
        await store.settle([{ id, outcome: { kind }, replied }]);
        assert.deepEqual(await store.repliesAt('here', 10), [], kind);
        await store.edit([id], { delayMs: 0 });
        await reserve(store, ['default'], '1:1');
      }
    });

    it('counts as its messages say, whatever is done', async () => {
      const step = fc.record({
        act: fc.constantFrom(
          ...['publish', 'reserve', 'settle', 'purge', 'kick', 'remove', 'edit', 'wait'],
        ),
        ids: fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 4 }),
        queue: fc.constantFrom('a', 'b'),
        outcome: fc.constantFrom('done', 'failed', 'lost', 'release', 'return', 'untaken', 'dead'),
        key: fc.constantFrom('k', 'l', undefined),
        ms: fc.constantFrom(0, 10, 100),
        state: fc.constantFrom('ready', 'delayed', 'dead', undefined),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
          const cleanUps: (() => void | Promise<void>)[] = [];
          const after = (fn: () => void | Promise<void>) => cleanUps.push(fn);
          const { store, clock } = await open({ after }, { maxAttempts: 2, backoffMs: 50 });
          const held: number[] = [];
          try {
            for (const { act, ids, queue, outcome, key, ms, state } of steps) {
              if (act === 'publish') {
                const times = ms > 0 ? { delayMs: ms, ttlMs: 3 * ms } : {};
                const unique = key === undefined ? {} : { key, keyTtlMs: 15 };
                await put(store, [message('x', { queue, ...times, ...unique })]);
              } else if (act === 'reserve') {
                const reserved = await reserve(store, [queue], '1:1');
                if (reserved) held.push(reserved.id);
              } else if (act === 'settle') {
                const id = held.shift();
                if (id !== undefined) {
                  assert.notEqual(await settle(store, id, { kind: outcome }), 'unknown');
                }
              } else if (act === 'purge') await store.purge(queue, { state });
              else if (act === 'kick') await store.kick(queue);
              else if (act === 'remove') await store.remove(ids);
              else if (act === 'edit') await store.edit(ids, { queue, delayMs: ms });
              else clock.ms += ms;
              for (const { queue, paused: _, ...counts } of await store.counts()) {
                for (const [state, count] of Object.entries(counts)) {
                  const found = await store.peek(queue, { state: state as 'ready', limit: 1000 });
                  assert.equal(found.length, count, `${state} in ${queue} after ${act}`);
                }
              }
            }
          } finally {
            for (const cleanUp of cleanUps.reverse()) await cleanUp();
          }
        }),
        { numRuns: RUNS[name] ?? 25 },
      );
    });
  });
}

describe('replies in PostgreSQL', { skip: postgres.skip }, () => {
  it('are forgotten when nobody has fetched them for a week and a broker connects', async (t) => {
    const { store, again } = await postgres.open(t);
    const schema = store.url?.match(/schema=(\w+)/)?.[1];
    const add = (asker: string, ageMs: number) =>
      sql(`INSERT INTO ${schema}.replies SELECT '${asker} here', '',
        extract(epoch FROM now()) * 1000 - ${ageMs}`);
    add('old', REPLIES_KEPT_MS + 1000);
    add('new', REPLIES_KEPT_MS - 60_000);
    const other = await again({}, 'other');
    assert.deepEqual(await other.repliesAt('here', 10), ['new here']);
    add('old', REPLIES_KEPT_MS + 1000);
    await other.forgetReplies(['none']);
    assert.deepEqual(await other.repliesAt('here', 10), ['new here']);
  });
});
