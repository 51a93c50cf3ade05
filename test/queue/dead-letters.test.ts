/** What every store does with messages that fail, and with what is set for a queue. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, it, type TestContext } from 'node:test';
import { StoreFull } from '../../src/queue/errors.ts';
import type { Outcome } from '../../src/queue/message.ts';
import { DEFAULT_POLICY, type StorePolicy } from '../../src/queue/policy.ts';
import type { Store } from '../../src/queue/store.ts';
import { until } from '../e2e/harness.ts';
import { withoutPostgres } from '../postgres/server.ts';
import { Clock, ofHost, storeKinds } from './open-stores.ts';
import { messagesFor, put, reserve, settle } from './single.ts';

const message = messagesFor('jobs');
const failed = (reason: string): Outcome => ({ kind: 'failed', reason });

for (const { name, skip, open } of storeKinds) {
  const given = async (t: TestContext, policy: Partial<StorePolicy> = {}) => {
    const { store, clock } = await open(t, { maxAttempts: 2, ...policy });
    /** Takes the next one and says how it ended. */
    const next = async (outcome: Outcome, queue = 'jobs') => {
      const { id = 0 } = (await reserve(store, [queue], '7:8')) ?? {};
      return settle(store, id, outcome);
    };
    const counts = async () =>
      Object.fromEntries(
        (await store.counts()).map(({ queue, ready, delayed, reserved, dead }) => [
          queue,
          [ready, delayed, reserved, dead].join(),
        ]),
      );
    const bodies = async (queue: string) =>
      (await store.peek(queue)).map(({ body }) => Buffer.from(body).toString());
    return { store, clock, next, counts, bodies };
  };

  describe(`${name} store`, { skip }, () => {
    it('keeps why each attempt failed, who had it and when, until the message is gone', async (t) => {
      const { store, clock, next } = await given(t);
      const [id = 0] = await put(store, [message('a')]);
      await next(failed('once\0\n\ud800'));
      const first = clock.ms;
      clock.ms += 10_000;
      await next({ kind: 'dead', reason: 'never' });
      const found = await store.find(id);
      const who = { queue: 'jobs', pid: 7, host: name === 'postgres' ? 'host' : hostname() };
      assert.deepEqual(found?.failures, [
        { kind: 'failed', attempt: 1, at: first, ...who, reason: 'once\ufffd\n\ufffd' },
        { kind: 'rejected', attempt: 2, at: clock.ms, ...who, reason: 'never' },
      ]);
      assert.equal(found?.diedAt, clock.ms);
      const [listed] = await store.peek('jobs', { state: 'dead' });
      assert.deepEqual([listed?.lastFailure, listed?.failures], [found.failures[1], undefined]);
      await store.kick('jobs');
      assert.equal((await store.find(id))?.failures?.length, 2);
      assert.equal((await store.find(id))?.diedAt, undefined);
      await next({ kind: 'lost', reason: 'gone' });
      assert.deepEqual(
        (await store.find(id))?.failures?.map(({ kind, attempt }) => [kind, attempt]),
        [
          ['failed', 1],
          ['rejected', 2],
          ['lost', 3],
        ],
      );
      assert.equal(await next({ kind: 'done' }), 'gone');
    });

    it('keeps the last failures, and not too much of a reason', async (t) => {
      const { store, clock, next } = await given(t, { maxAttempts: 100 });
      const [id = 0] = await put(store, [message('a')]);
      for (let n = 1; n <= 12; n++) {
        await next(failed(`${n} ${'ü'.repeat(5000)}`));
        clock.ms += 4_000_000;
      }
      const { failures = [] } = (await store.find(id)) ?? {};
      assert.deepEqual(
        failures.map(({ attempt }) => attempt),
        [5, 6, 7, 8, 9, 10, 11, 12],
      );
      for (const { reason = '' } of failures) {
        assert.ok(Buffer.byteLength(reason) <= 1280 && Buffer.byteLength(reason) > 1270);
        assert.ok(!reason.includes('\ufffd'));
      }
      const [listed] = await store.peek('jobs');
      assert.equal(listed?.lastFailure?.reason?.length, 201);
    });

    it('says why one is dead that was given back too often, or was not taken in time', async (t) => {
      const { store, clock, next } = await given(t, { maxReleases: 0, deadExpired: true });
      const [back = 0, late = 0] = await put(store, [message('a'), message('b', { ttlMs: 50 })]);
      assert.equal(await next({ kind: 'release' }), 'dead');
      clock.ms += 50;
      await store.sweep();
      const kinds = async (id: number) =>
        (await store.find(id))?.failures?.map(({ kind, attempt, reason }) => [
          ...[kind, attempt, reason !== undefined],
        ]);
      assert.deepEqual(await kinds(back), [['released', 1, true]]);
      assert.deepEqual(await kinds(late), [['expired', undefined, true]]);
      assert.equal((await store.find(late))?.diedAt, clock.ms);
    });

    it('goes by what the message says, then by its queue, then by the policy', async (t) => {
      const { store, clock, next } = await given(t, { maxAttempts: 2, backoffMs: 100 });
      await store.set('jobs', { maxAttempts: 1, backoffMs: 1000 });
      await put(store, [
        message('own', { maxAttempts: 3, backoffMs: 7 }),
        message('queue'),
        message('policy', { queue: 'other' }),
      ]);
      assert.equal(await next(failed('')), 'delayed');
      assert.equal((await store.peek('jobs', { state: 'delayed' }))[0]?.dueAt, clock.ms + 7);
      assert.equal(await next(failed('')), 'dead');
      assert.equal(await next(failed(''), 'other'), 'delayed');
      const [own] = await store.peek('jobs', { state: 'delayed' });
      assert.deepEqual([own?.maxAttempts, own?.backoffMs, own?.deadTo], [3, 7, undefined]);
      // What is set anew holds for what is there.
      await store.set('jobs', { maxAttempts: null });
      await store.kick('jobs');
      assert.equal(await next(failed('')), 'delayed');
      assert.deepEqual(await store.settings('jobs'), { backoffMs: 1000 });
    });

    it('makes a pause longer or shorter by its jitter, and not beyond it', async (t) => {
      const { store, clock, next } = await given(t, { maxAttempts: 100 });
      await store.set('jobs', { backoffMs: 1000, jitter: 0.5 });
      await put(
        store,
        Array.from({ length: 40 }, (_, n) => message(`${n}`)),
      );
      for (let n = 0; n < 40; n++) await next(failed(''));
      const dues = (await store.peek('jobs')).map(({ dueAt = 0 }) => dueAt - clock.ms);
      assert.ok(dues.every((due) => due >= 500 && due <= 1501));
      assert.ok(new Set(dues).size > 5);
    });

    it('moves what is dead to another queue, at once, with all attempts and a word of why', async (t) => {
      const { store, next, counts, bodies } = await given(t, { maxAttempts: 1 });
      await store.set('jobs', { deadTo: 'parked' });
      const headers = [['kind', 'x']] as const;
      const [id = 0] = await put(store, [
        message('a', { headers, key: 'k', maxAttempts: 1, deadTo: 'first' }),
        message('b'),
      ]);
      assert.equal(await next(failed('line 1\nline 2')), 'dead');
      assert.deepEqual(await counts(), { first: '1,0,0,0', jobs: '1,0,0,0' });
      const moved = await store.find(id);
      assert.deepEqual(moved?.headers, [
        ['kind', 'x'],
        ['x-first-death-queue', 'jobs'],
        ['x-first-death-reason', 'delivery_limit'],
        ['x-last-death-queue', 'jobs'],
        ['x-last-death-reason', 'delivery_limit'],
        ['x-last-death-error', 'line 1 line 2'],
      ]);
      assert.deepEqual(
        [moved?.attempt, moved?.key, moved?.maxAttempts, moved?.deadTo, moved?.failures?.length],
        [2, undefined, undefined, undefined, 1],
      );
      assert.ok(await store.hasReady(['first']));
      // What it said was for its first queue: here it is as any other.
      await store.set('first', { deadTo: 'last' });
      assert.equal(await next({ kind: 'dead', reason: 'no' }, 'first'), 'dead');
      const [last] = await store.peek('last');
      const said = Object.fromEntries(last?.headers ?? []);
      assert.equal(said['x-first-death-queue'], 'jobs');
      assert.equal(said['x-last-death-queue'], 'first');
      assert.equal(said['x-last-death-reason'], 'rejected');
      assert.equal(said['x-last-death-error'], 'no');
      await next({ kind: 'dead' });
      assert.deepEqual(await bodies('parked'), ['b']);
      assert.equal(await next(failed(''), 'last'), 'dead');
      assert.deepEqual(await counts(), {
        ...{ first: '0,0,0,0', jobs: '0,0,0,0', last: '0,0,0,1', parked: '1,0,0,0' },
      });
    });

    it('frees the key of what has moved, and takes no late word for it', async (t) => {
      const { store } = await given(t, { maxAttempts: 1 });
      await put(store, [message('a', { key: 'k', deadTo: 'parked' })]);
      const held = await reserve(store, ['jobs'], '1:1');
      await settle(store, held?.id ?? 0, { kind: 'lost' });
      assert.equal((await store.publish([message('b', { key: 'k' })]))[0]?.isDuplicate, false);
      const late = held && (await store.settleLate(held.id, held));
      assert.equal(late, undefined);
      assert.equal((await store.peek('parked')).length, 1);
    });

    it('moves what nobody took in time', async (t) => {
      const { store, clock, counts } = await given(t, { deadExpired: true });
      await store.set('jobs', { deadTo: 'late' });
      await put(store, [message('a', { ttlMs: 10 }), message('b', { ttlMs: 10, deadTo: 'own' })]);
      clock.ms += 10;
      for (let n = 0; n < 3; n++) await store.sweep();
      const { jobs: _, ...others } = await counts();
      assert.deepEqual(others, { late: '1,0,0,0', own: '1,0,0,0' });
      const [late] = await store.peek('late');
      assert.equal(Object.fromEntries(late?.headers ?? [])['x-last-death-reason'], 'expired');
      assert.ok(await store.hasReady(['late']));
    });

    it('refuses settings by which dead messages would go round', async (t) => {
      const { store } = await given(t);
      await assert.rejects(store.set('a', { deadTo: 'a' }), { code: 'dead-loop' });
      await store.set('a', { deadTo: 'b' });
      await store.set('b', { deadTo: 'c' });
      await assert.rejects(store.set('c', { deadTo: 'a' }), { code: 'dead-loop' });
      assert.deepEqual(await store.settings('c'), {});
      await store.set('b', { deadTo: null });
      await store.set('c', { deadTo: 'a' });
    });

    it('moves a message with as many headers as go into a frame without them', async (t) => {
      const { store, next } = await given(t, { maxAttempts: 1 });
      const headers = [['big', 'x'.repeat(3790)]] as const;
      await put(store, [message('a', { headers, deadTo: 'parked' })]);
      await next(failed('why'));
      assert.deepEqual((await store.peek('parked'))[0]?.headers, headers);
    });

    it('kicks to another queue, where a key that is taken is lost', async (t) => {
      const { store, next, counts } = await given(t, { maxAttempts: 1 });
      await put(store, [
        message('a', { key: 'k' }),
        message('b'),
        message('c', { queue: 'again', key: 'k' }),
      ]);
      for (let n = 0; n < 2; n++) await next(failed(''));
      assert.equal(await store.kick('jobs', { to: 'again' }), 2);
      const { jobs: _, ...others } = await counts();
      assert.deepEqual(others, { again: '3,0,0,0' });
      const keys = (await store.peek('again')).map(({ key }) => key);
      assert.deepEqual(keys, ['k', undefined, undefined]);
      assert.ok(await store.hasReady(['again']));
    });

    it('removes dead ones that are too old, by queue or all, and says so', async (t) => {
      const { store, clock, next, counts } = await given(t, { maxAttempts: 1, deadAgeMs: 5000 });
      await store.set('own', { deadAgeMs: 100 });
      await put(store, [message('a'), message('b', { queue: 'own' }), message('c')]);
      await next(failed(''));
      await next(failed(''), 'own');
      assert.equal(await store.nextSweep(), clock.ms + 100);
      clock.ms += 100;
      await store.sweep();
      assert.deepEqual(store.takeDropped(), [{ queue: 'own', why: 'age', messages: 1 }]);
      await next(failed(''));
      clock.ms += 4900;
      await store.sweep();
      assert.equal((await counts()).jobs, '0,0,0,1');
      assert.deepEqual(store.takeDropped(), [{ queue: 'jobs', why: 'age', messages: 1 }]);
      await store.set('jobs', { deadAgeMs: 1 });
      await store.sweep();
      assert.equal((await store.find(3)) ?? undefined, undefined);
      assert.deepEqual(store.takeDropped(), [{ queue: 'jobs', why: 'age', messages: 1 }]);
      assert.deepEqual(store.takeDropped(), []);
    });

    it('removes the oldest dead ones when there are too many, or too many bytes', async (t) => {
      const limits = { maxDead: 3, maxDeadBytes: 25, maxAttempts: 1 };
      const { store, clock, next, bodies } = await given(t, limits);
      const all = ['a', 'b', 'c', 'd', 'e'.repeat(10), 'f'.repeat(15), 'alive'.repeat(50)];
      await put(
        store,
        all.map((text) => message(text)),
      );
      for (let n = 0; n < 4; n++) {
        await next(failed(''));
        clock.ms += 10_001;
        await store.sweep();
      }
      const dead = async () =>
        (await store.peek('jobs', { state: 'dead' })).map(({ body }) => body[0] ?? 0);
      assert.equal(Buffer.from(await dead()).toString(), 'bcd');
      for (let n = 0; n < 2; n++) {
        await next(failed(''));
        clock.ms += 10_001;
        await store.sweep();
      }
      assert.equal(Buffer.from(await dead()).toString(), 'ef');
      assert.equal((await bodies('jobs')).length, 3);
      const dropped = store.takeDropped();
      assert.equal(
        dropped.reduce((sum, { messages }) => sum + messages, 0),
        4,
      );
      assert.ok(dropped.every(({ why }) => why === 'limit'));
    });

    it('refuses what a queue has no room for, and takes it for the others', async (t) => {
      const { store, next } = await given(t);
      await store.set('jobs', { maxMessages: 2 });
      await store.set('big', { maxBytes: 10 });
      await put(store, [message('a'), message('b', { queue: 'other' })]);
      const two = [message('c'), message('d')];
      await assert.rejects(store.publish(two), (error) => {
        return error instanceof StoreFull && /Queue jobs holds 1 messages; 2/.test(error.message);
      });
      await put(store, [message('c')]);
      await assert.rejects(store.publish([message('d')]), StoreFull);
      await put(store, [message('d', { queue: 'other' })]);
      await assert.rejects(store.publish([message('x'.repeat(11), { queue: 'big' })]), /bytes; 10/);
      await put(store, [message('x'.repeat(10), { queue: 'big' })]);
      await next({ kind: 'done' });
      await put(store, [message('d')]);
    });

    it('gives no more of a queue than it may at a time, and of the others what there is', async (t) => {
      const { store } = await given(t);
      await store.set('jobs', { concurrency: 2 });
      await put(
        store,
        Array.from({ length: 4 }, (_, n) => message(`${n}`, { priority: 1 })),
      );
      await put(store, [message('x', { queue: 'other' }), message('y', { queue: 'other' })]);
      const take = async (wanted: number) =>
        (await store.reserve(['jobs', 'other'], Array<string>(wanted).fill('1:1'))).map(
          ({ id, body }) => ({
            id,
            text: Buffer.from(body).toString(),
          }),
        );
      const first = await take(3);
      assert.deepEqual(
        first.map(({ text }) => text),
        ['0', '1', 'x'],
      );
      assert.equal(await store.hasReady(['jobs']), false);
      assert.deepEqual(
        (await take(9)).map(({ text }) => text),
        ['y'],
      );
      await settle(store, first[1]?.id ?? 0, { kind: 'done' });
      assert.equal(await store.hasReady(['jobs']), true);
      assert.deepEqual(
        (await take(9)).map(({ text }) => text),
        ['2'],
      );
      await store.set('jobs', { concurrency: null });
      assert.deepEqual(
        (await take(9)).map(({ text }) => text),
        ['3'],
      );
    });

    it('gives no more of a queue than its rate allows, and says when it gives more', async (t) => {
      const { store, clock } = await given(t);
      await store.set('jobs', { rate: '2/s' });
      await put(
        store,
        Array.from({ length: 4 }, (_, n) => message(`${n}`)),
      );
      await put(store, [message('x', { queue: 'other' })]);
      await store.sweep();
      const take = async () =>
        (await store.reserve(['jobs', 'other'], Array<string>(9).fill('1:1'))).length;
      assert.equal(await take(), 2);
      assert.equal(await store.hasReady(['jobs', 'other']), false);
      assert.equal(await store.nextSweep(), clock.ms + 500);
      clock.ms += 499;
      assert.equal(await take(), 0);
      clock.ms += 1;
      assert.equal(await store.sweep(), true);
      assert.equal(await take(), 1);
      clock.ms += 60_000; // what was not taken is not made up for
      assert.equal(await take(), 1);
      await store.set('jobs', { rate: '1000/s' });
      assert.equal(await take(), 1);
    });

    it('keeps what is set, shows it with the queue, and forgets it when it is taken back', async (t) => {
      const { store } = await given(t);
      const settings = { maxAttempts: 3, rate: '10/s', deadTo: 'x', jitter: 0.2 };
      assert.deepEqual(await store.set('jobs', { ...settings, concurrency: null }), settings);
      assert.deepEqual(await store.settings('jobs'), settings);
      const [counts] = await store.counts();
      assert.deepEqual(counts?.settings, settings);
      assert.equal(counts?.queue, 'jobs');
      const none = { maxAttempts: null, rate: null, deadTo: null, jitter: null };
      assert.deepEqual(await store.set('jobs', none), {});
      assert.deepEqual(await store.counts(), []);
    });
  });
}

describe('brokers that share a store', { skip: withoutPostgres }, () => {
  const given = async (t: TestContext) => {
    const policy = { ...DEFAULT_POLICY, maxAttempts: 1 };
    const open = (host: string) => ofHost('shared', policy, new Clock(), host);
    const [a, b] = [await open('a'), await open('b')];
    t.after(() => Promise.all([a.close(), b.close()]));
    return [a, b] as const;
  };

  it('give no more together than a queue may at a time, and in the end all', async (t) => {
    const both = await given(t);
    await both[0].set('jobs', { concurrency: 2 });
    const ids = await put(
      both[1],
      Array.from({ length: 12 }, (_, n) => message(`${n}`)),
    );
    const done: number[] = [];
    while (done.length < ids.length) {
      const held = await Promise.all(both.map((store) => store.reserve(['jobs'], ['1:1', '1:1'])));
      assert.ok(held.flat().length <= 2, `${held.flat().length} at a time`);
      for (const [n, some] of held.entries())
        for (const { id } of some) {
          await settle(both[n] as Store, id, { kind: 'done' });
          done.push(id);
        }
    }
    assert.deepEqual(
      done.sort((x, y) => x - y),
      ids,
    );
  });

  it('say what a silent one has lost, and move what that makes dead', async (t) => {
    const policy = { ...DEFAULT_POLICY, maxAttempts: 1 };
    const silent = await ofHost('silent', policy, undefined, 'a', 100);
    const [id = 0] = await put(silent, [message('a', { deadTo: 'parked' })]);
    await silent.reserve(['jobs'], ['7:8']);
    await silent.close();
    const other = await ofHost('silent', policy, undefined, 'b', 100);
    t.after(() => other.close());
    await until('it has moved', async () => {
      await other.sweep();
      return (await other.find(id))?.queue === 'parked';
    });
    const moved = await other.find(id);
    const [failure] = moved?.failures ?? [];
    assert.deepEqual(
      [failure?.kind, failure?.attempt, failure?.queue, failure?.pid, failure?.host],
      ['lost', 1, 'jobs', 7, 'a'],
    );
    assert.match(failure?.reason ?? '', /longer than its lease/);
    assert.equal(moved?.state, 'ready');
    assert.equal(Object.fromEntries(moved?.headers ?? [])['x-last-death-queue'], 'jobs');
  });

  it('go on with a queue that was full when what a silent one held is dead', async (t) => {
    const policy = { ...DEFAULT_POLICY, maxAttempts: 1 };
    const open = (host: string) => ofHost('full', policy, undefined, host, 600);
    const [silent, other] = [await open('a'), await open('b')];
    t.after(() => other.close());
    await silent.set('jobs', { concurrency: 1 });
    const [id = 0] = await put(silent, [message('a'), message('b')]);
    await silent.reserve(['jobs'], ['7:8']);
    await other.hasReady(['jobs']); // no, as long as the lease is not over
    await silent.close();
    await until('it is dead', async () => {
      await other.sweep();
      return (await other.find(id))?.state === 'dead';
    });
    assert.equal(await other.hasReady(['jobs']), true);
  });

  it('look again at a queue that is full', async (t) => {
    const [a, b] = await given(t);
    await a.set('full', { concurrency: 1 });
    await put(a, [message('a', { queue: 'full' }), message('b', { queue: 'full' })]);
    await a.reserve(['full'], ['7:8']);
    assert.equal(await b.hasReady(['full']), false);
    assert.equal(await b.nextSweep(), new Clock().ms + 1000);
  });

  it('know what another has set, and make no circle together', async (t) => {
    const [a, b] = await given(t);
    assert.deepEqual(await b.settings('x'), {});
    const set = await Promise.allSettled([
      a.set('x', { deadTo: 'y' }),
      b.set('y', { deadTo: 'x' }),
    ]);
    assert.deepEqual(set.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    const known = async (store: Store) =>
      JSON.stringify([await store.settings('x'), await store.settings('y')]);
    await until('both know it', async () => (await known(a)) === (await known(b)));
  });
});
