/** Groups of queues, in every store. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { MAX_GROUPS } from '../../src/options/groups.ts';
import { StoreFull } from '../../src/queue/errors.ts';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import { readPostgres, writePostgres } from '../../src/queue/postgres/transfer.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import { readSqlite, writeSqlite } from '../../src/queue/sqlite/transfer.ts';
import type { Store } from '../../src/queue/store.ts';
import type { Content } from '../../src/queue/transfer.ts';
import { linesOf, take } from '../../src/queue/transfer-lines.ts';
import { postgres, sql, storeKinds } from './open-stores.ts';
import { messagesFor, put, reserve, settle } from './single.ts';

const message = messagesFor('mail');

/** Takes everything from a queue and is done with it. @returns the bodies */
async function drain(store: Store, ...queues: string[]): Promise<string> {
  const texts = [];
  for (;;) {
    if (!(await store.hasReady(queues))) assert.deepEqual(await store.reserve(queues, ['1:1']), []);
    const next = await reserve(store, queues, '1:1');
    if (!next) return texts.join(' ');
    texts.push(Buffer.from(next.body).toString());
    assert.equal(await settle(store, next.id, { kind: 'done' }), 'gone');
  }
}

async function totals(store: Store): Promise<Record<string, number>> {
  const counts = await store.counts();
  return Object.fromEntries(
    counts.map(({ queue, ready, delayed, reserved, dead }) => [
      queue,
      ready + delayed + reserved + dead,
    ]),
  );
}

for (const { name, skip, open } of storeKinds) {
  describe(`groups in the ${name} store`, { skip }, () => {
    it('gives every message to each group, in its order, and to nobody else', async (t) => {
      const { store } = await open(t);
      await store.addGroups(['mail@a', 'mail@b']);
      await put(store, [
        message('1'),
        message('other', { queue: 'other' }),
        message('2', { priority: 1 }),
      ]);
      await put(store, [message('3')]);
      assert.deepEqual(await totals(store), { 'mail@a': 3, 'mail@b': 3, other: 1 });
      assert.equal(await drain(store, 'mail'), '');
      assert.equal(await drain(store, 'mail@a'), '2 1 3');
      assert.deepEqual(await totals(store), { 'mail@a': 0, 'mail@b': 3, other: 1 });
      assert.equal(await drain(store, 'mail@b', 'other'), '2 1 other 3');
      assert.equal(await store.isEmpty(true), true);
    });

    it('gives what was there before to the oldest group, whatever becomes of it', async (t) => {
      const { store } = await open(t);
      const [held = 0] = await put(store, [message('held'), message('waits'), message('dead')]);
      await reserve(store, ['mail'], '1:1');
      await store.hasReady(['mail@a', 'mail@b']); // who asks too early is not told so for ever
      await store.addGroups(['mail@a']);
      await store.addGroups(['mail@b', 'mail@a']);
      await put(store, [message('new')]);
      await settle(store, held, { kind: 'return' });
      assert.equal(await drain(store, 'mail@b'), 'new');
      const first = await reserve(store, ['mail@a'], '1:1');
      assert.equal(first?.id, held);
      await settle(store, held, { kind: 'dead' });
      await store.kick('mail');
      assert.equal(await drain(store, 'mail'), '');
      assert.equal(await drain(store, 'mail@a'), 'waits dead new held');
      assert.deepEqual(await store.groups(), ['mail@a', 'mail@b']);
    });

    it('still has them when it is opened again', async (t) => {
      const opened = await open(t);
      await opened.store.addGroups(['mail@b', 'mail@a', 'x@y']);
      if (name === 'memory') return;
      await opened.store.close();
      const store = await opened.again();
      assert.deepEqual(await store.groups(), ['mail@b', 'mail@a', 'x@y']);
      await put(store, [message('1')]);
      assert.deepEqual(await totals(store), { 'mail@a': 1, 'mail@b': 1, 'x@y': 0 });
    });

    it('removes a group with all that it has, and the next one is the oldest', async (t) => {
      const { store } = await open(t);
      await put(store, [message('before')]);
      await store.addGroups(['mail@a', 'mail@b']);
      const more = { key: 'k', keyTtlMs: 1e6 };
      await put(store, [message('1'), message('2', { delayMs: 9 }), message('3', more)]);
      for (const kind of ['dead', 'done'] as const) {
        const next = await reserve(store, ['mail@a'], '1:1');
        await settle(store, next?.id ?? 0, { kind });
      }
      await put(store, [message('4')]);
      const held = await reserve(store, ['mail@a'], '1:1');
      await store.pause('mail@a', true);
      await assert.rejects(store.removeGroup('mail@c'), { code: 'no-group' });
      const had = (await totals(store))['mail@a'];
      assert.equal(await store.removeGroup('mail@a'), had);
      assert.deepEqual(await store.groups(), ['mail@b']);
      assert.equal(await settle(store, held?.id ?? 0, { kind: 'failed' }), 'unknown');
      assert.equal(await store.hasReady(['mail@a']), false);
      await store.kick('mail');
      assert.equal(await drain(store, 'mail@b'), '1 3 4 before');
      // Nothing of the former one is left.
      await store.addGroups(['mail@a']);
      assert.equal((await store.publish([message('5', more)]))[0]?.isDuplicate, false);
      assert.equal(await drain(store, 'mail@a'), '5');
      await store.removeGroup('mail@a');
      await store.removeGroup('mail@b');
      await put(store, [message('6')]);
      assert.equal(await drain(store, 'mail'), '6');
    });

    it('holds each group to what is set for its queue', async (t) => {
      const { store, clock } = await open(t, { maxAttempts: 1 });
      await put(store, [message('1'), message('2'), message('3')]); // for the oldest group
      await store.addGroups(['mail@a', 'mail@b']);
      await store.set('mail', { rate: '1/s', deadAgeMs: 5000, deadTo: 'morgue' });
      const take = (name: string) => store.reserve([name], Array<string>(9).fill('1:1'));
      assert.equal((await take('mail@a')).length, 1);
      assert.equal((await take('mail@a')).length, 0);
      await store.set('mail', { rate: null, deadTo: null });
      await put(store, [message('4')]);
      for (const { id } of await take('mail@b'))
        assert.equal(await settle(store, id, { kind: 'failed' }), 'dead');
      clock.ms += 4999;
      await store.sweep();
      assert.deepEqual(store.takeDropped(), []);
      clock.ms += 1;
      await store.sweep();
      assert.deepEqual(store.takeDropped(), [{ queue: 'mail@b', why: 'age', messages: 1 }]);
    });

    it('counts what each group holds against the limits of the queue, and no duplicates', async (t) => {
      const { store } = await open(t);
      await put(store, [message('old', { key: 'rest' })]);
      await store.addGroups(['mail@a', 'mail@b']);
      await store.set('mail', { maxMessages: 1 });
      await put(store, [message('1', { key: 'k' })]);
      const [again] = await store.publish([message('2', { key: 'k' })]);
      assert.equal(again?.isDuplicate, true);
      await assert.rejects(store.publish([message('3')]), StoreFull);
      assert.equal(await drain(store, 'mail@a'), 'old 1');
      assert.equal(await drain(store, 'mail@b'), '1');
      await put(store, [message('4', { key: 'k' })]);
    });

    it('counts each copy against the limits', async (t) => {
      const { store } = await open(t, { maxMessages: 4, maxBytes: 50 });
      await store.addGroups(['mail@a', 'mail@b', 'mail@c']);
      await put(store, [message('1')]);
      await assert.rejects(store.publish([message('2')]), StoreFull);
      await assert.rejects(store.publish([message('2', { key: 'k' })]), StoreFull);
      await put(store, [message('3', { queue: 'other' })]);
      assert.deepEqual(await totals(store), { 'mail@a': 1, 'mail@b': 1, 'mail@c': 1, other: 1 });
      await store.removeGroup('mail@a');
      await store.removeGroup('mail@b');
      await put(store, [message('4')]);
      await assert.rejects(store.publish([message('x'.repeat(99))]), StoreFull);
      assert.equal(await drain(store, 'mail@c'), '1 4');
    });

    it('keeps keys for each group', async (t) => {
      const { store } = await open(t);
      const one = message('x', { key: 'k' });
      const [before] = await store.publish([one]);
      await store.addGroups(['mail@a', 'mail@b']);
      // One waits already for the oldest group, and none for the other.
      const [stored] = await store.publish([one]);
      assert.equal(stored?.isDuplicate, false);
      assert.equal((await store.find(stored?.id ?? 0))?.queue, 'mail@b');
      assert.deepEqual(await totals(store), { mail: 1, 'mail@a': 0, 'mail@b': 1 });
      const again = await store.publish([message('y'), one, one]);
      assert.deepEqual(
        again.map(({ isDuplicate }) => isDuplicate),
        [false, true, true],
      );
      assert.equal(again[1]?.id, before?.id);
      assert.equal(await drain(store, 'mail@a'), 'x y');
      const [third] = await store.publish([one]);
      assert.equal((await store.find(third?.id ?? 0))?.queue, 'mail@a');
      assert.equal(await drain(store, 'mail@b'), 'x y');
      assert.equal(await drain(store, 'mail@a'), 'x');
    });

    it('names the copy of the oldest group, for each message of a batch', async (t) => {
      const { store } = await open(t);
      await store.addGroups(['mail@a', 'mail@b']);
      for (const key of [{}, { key: 'k' }]) {
        const batch = [message('1', key), message('2', { queue: 'x' }), message('3')];
        const ids = await put(store, batch);
        const found = await Promise.all(ids.map((id) => store.find(id)));
        assert.deepEqual(
          found.map((one) => one && `${one.queue} ${Buffer.from(one.body)}`),
          ['mail@a 1', 'x 2', 'mail@a 3'],
        );
      }
    });

    it('keeps to the rate of a queue in each group, whatever the oldest one gets from it', async (t) => {
      const { store, clock } = await open(t);
      await store.set('mail', { rate: '60/h' });
      await put(store, [message('1'), message('2')]);
      await store.addGroups(['mail@a', 'mail@b']);
      await put(store, [message('3'), message('4', { priority: 1 })]);
      const take = async (group: string) =>
        (await store.reserve([group], ['1:1', '1:1', '1:1'])).map(
          ({ body }) => `${Buffer.from(body)}`,
        );
      assert.deepEqual(await take('mail@a'), ['4']);
      assert.equal(await store.hasReady(['mail@a']), false);
      assert.deepEqual(await take('mail@a'), []);
      assert.deepEqual(await take('mail@b'), ['4']);
      for (const next of ['1', '2', '3', undefined]) {
        clock.ms += 60_000;
        await store.sweep();
        assert.deepEqual(await take('mail@a'), next ? [next] : []);
      }
    });

    it('pauses the groups with their queue, or one by one', async (t) => {
      const { store } = await open(t);
      await store.addGroups(['mail@a', 'mail@b']);
      await put(store, [message('1')]);
      const paused = async () =>
        (await store.counts()).filter((one) => one.paused).map(({ queue }) => queue);
      await store.pause('mail', true);
      assert.deepEqual(await paused(), ['mail', 'mail@a', 'mail@b']);
      assert.equal(await drain(store, 'mail@a'), '');
      assert.equal(await store.isEmpty(false), true);
      await store.pause('mail', false);
      await store.pause('mail@b', true);
      assert.deepEqual(await paused(), ['mail@b']);
      assert.equal(await drain(store, 'mail@b'), '');
      assert.equal(await drain(store, 'mail@a'), '1');
    });

    it('gives each group what was sent while it was there, whatever else is done', async (t) => {
      const { store } = await open(t);
      const step = fc.record({
        act: fc.constantFrom('send', 'send', 'send', 'join', 'leave', 'take'),
        group: fc.constantFrom('mail@a', 'mail@b', 'mail@c'),
        key: fc.option(fc.constantFrom('k', 'l'), { nil: undefined }),
      });
      let sent = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          for (const group of await store.groups()) await store.removeGroup(group);
          await store.purge('mail');
          /** What waits in the queue, and for each group, the oldest first: number and key. */
          let rest: [number, string | undefined][] = [];
          const groups = new Map<string, typeof rest>();
          const of = (group: string) => {
            const own = groups.get(group) ?? [];
            return group === [...groups.keys()][0] ? [...rest, ...own] : own;
          };
          for (const { act, group, key } of steps) {
            if (act === 'send') {
              const n = ++sent;
              const unique = key === undefined ? {} : { key };
              const [one] = await store.publish([message(String(n), unique)]);
              const isFor = (waiting: typeof rest) =>
                key === undefined || !waiting.some(([, other]) => other === key);
              const takers = [...groups.keys()].filter((name) => isFor(of(name)));
              const inQueue = groups.size === 0 && isFor(rest);
              if (inQueue) rest.push([n, key]);
              for (const taker of takers) groups.get(taker)?.push([n, key]);
              assert.equal(one?.isDuplicate, !inQueue && takers.length === 0);
            } else if (act === 'join') {
              await store.addGroups([group]);
              if (!groups.has(group)) groups.set(group, []);
            } else if (act === 'leave' && groups.has(group)) {
              assert.equal(await store.removeGroup(group), groups.get(group)?.length);
              groups.delete(group);
            } else if (act === 'take') {
              const name = groups.has(group) ? group : 'mail';
              const wanted = name === 'mail' ? (groups.size > 0 ? [] : rest) : of(name);
              const numbers = wanted.map(([n]) => n).sort((x, y) => x - y);
              assert.equal(await drain(store, name), numbers.join(' '));
              if (wanted.length > 0 && rest.every((one) => wanted.includes(one))) rest = [];
              if (name !== 'mail') groups.set(name, []);
            }
          }
        }),
        { numRuns: { memory: 100, sqlite: 30, postgres: 10 }[name] ?? 10 },
      );
    });

    it('has a bound for the groups of a queue', async (t) => {
      const { store } = await open(t);
      const names = Array.from({ length: MAX_GROUPS }, (_, n) => `mail@${n}`);
      await store.addGroups(names.slice(1));
      await assert.rejects(store.addGroups(['mail@0', 'mail@more']), { code: 'too-many-groups' });
      await store.addGroups(names);
      await store.addGroups(['other@more']);
      await put(store, [message('1')]);
      assert.equal((await store.peek('mail@0')).length, 1);
    });
  });
}

/** The lines of an export. */
async function exported(content: Content): Promise<string[]> {
  const lines = [];
  for await (const line of linesOf(content)) lines.push(line);
  return lines;
}

async function* records(lines: readonly string[]) {
  yield lines.map((line) => Buffer.from(line));
}

describe('an export of groups', () => {
  const folder = (t: TestContext) => {
    const path = mkdtempSync(join(tmpdir(), 'sigmq-export-'));
    t.after(() => rmSync(path, { recursive: true, force: true }));
    return path;
  };

  it('has them, in their order, and what waits for each', async (t) => {
    const from = folder(t);
    const first = SqliteStore.open(from, DEFAULT_POLICY, 'never');
    await put(first, [message('rest')]);
    await first.addGroups(['mail@b', 'mail@a', 'x@idle']);
    await put(first, [message('1', { key: 'k' })]);
    await first.close();
    const lines = await readSqlite(join(from, 'queue.db'), exported);
    const into = folder(t);
    const target = writeSqlite(into);
    assert.equal(await take(records(lines), target), 3);
    await target.close();
    const store = SqliteStore.open(into, DEFAULT_POLICY, 'never');
    t.after(() => store.close());
    assert.deepEqual(await store.groups(), ['mail@b', 'mail@a', 'x@idle']);
    assert.equal((await store.publish([message('1', { key: 'k' })]))[0]?.isDuplicate, true);
    assert.equal(await drain(store, 'mail@b'), 'rest 1');
    assert.equal(await drain(store, 'mail@a'), '1');
    for (const wrong of ['mail@', 'mail', '@b', 5])
      await assert.rejects(
        take(records([lines[0] ?? '', JSON.stringify({ sigmq: 'group', name: wrong })]), target),
        { code: 'bad-import' },
      );
  });

  it('goes to PostgreSQL and back', { skip: postgres.skip }, async (t) => {
    const { store } = await postgres.open(t);
    const url = store.url ?? '';
    await store.addGroups(['mail@b', 'mail@a']);
    await put(store, [message('1')]);
    const lines = await readPostgres(url, exported);
    const target = await writePostgres(url.replace('schema=', 'schema=copy'));
    assert.equal(await take(records(lines), target), 2);
    await target.close();
    const copy = await readPostgres(url.replace('schema=', 'schema=copy'), exported);
    const stable = (all: readonly string[]) => all.slice(1);
    assert.deepEqual(stable(copy), stable(lines));
  });
});

describe('groups of brokers that share a store', { skip: postgres.skip }, () => {
  const shared = async (t: TestContext) => {
    const opened = await postgres.open(t);
    return { one: opened.store, two: await opened.again({}, 'other') };
  };

  it('are there at once for what another broker publishes', async (t) => {
    const { one, two } = await shared(t);
    await put(two, [message('before')]);
    assert.equal(await two.hasReady(['mail@a']), false);
    await one.addGroups(['mail@a']);
    await put(two, [message('1')]);
    await one.addGroups(['mail@b']);
    await put(two, [message('2')]);
    assert.equal(await drain(one, 'mail@b'), '2');
    assert.equal(await drain(two, 'mail@a'), 'before 1 2');
  });

  it('get nothing any more once they are removed, while others publish', async (t) => {
    const { one, two } = await shared(t);
    await one.addGroups(['mail@a', 'mail@b']);
    let isOver = false;
    let published = 0;
    const publishing = (async () => {
      for (; !isOver; published++) await put(two, [message('x')]);
    })();
    while (published < 5) await one.groups();
    await one.removeGroup('mail@a');
    isOver = true;
    await publishing;
    assert.deepEqual(await totals(one), { 'mail@b': published });
  });

  it('are refused beside a broker that knows none', async (t) => {
    const { one } = await shared(t);
    const schema = one.url?.match(/schema=(\w+)/)?.[1];
    sql(`UPDATE ${schema}.brokers SET knows = 2 WHERE host = 'other'`);
    await assert.rejects(one.addGroups(['mail@a']), { code: 'older-broker' });
    assert.deepEqual(await one.groups(), []);
    sql(`UPDATE ${schema}.brokers SET seen_at = 0 WHERE host = 'other'`);
    await one.addGroups(['mail@a']);
  });
});
