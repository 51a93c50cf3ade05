import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Replies } from '../../src/broker/replies.ts';
import { Requests } from '../../src/broker/requests.ts';
import { MAX_CHANGES, MAX_PEEK_BYTES, MAX_QUEUES_TOLD, MAX_ROWS } from '../../src/link/request.ts';
import { StoreError } from '../../src/queue/errors.ts';
import { repliesIn } from '../link/replies.ts';
import { reserve, settle } from '../queue/single.ts';
import { fakeTable } from '../registry/fake-table.ts';
import { FakeEndpoint, FakeStore } from './fakes.ts';

const PEER = { pid: 70, start: 500 };

function given() {
  const store = new FakeStore();
  const fake = new FakeEndpoint();
  const errors: unknown[] = [];
  const done: string[] = [];
  const requests = new Requests({
    inspection: store,
    replies: new Replies({
      endpoint: fake.endpoint,
      table: fakeTable(PEER),
      journal: { resent: () => {} },
    }),
    broker: {
      status: async () => ({ pid: 1 }),
      waiting: async ({ pid }, queues) => pid + queues.size,
      lastSent: () => [
        { id: 7, isDuplicate: false },
        { id: 8, isDuplicate: true },
      ],
      asked: async ({ pid }, number, queue) => [pid, number, queue],
      queues: async (after, limit) => [after, limit],
      metrics: async (after, limit) => ['metrics', after, limit],
      changes: async (since) => since,
      drain: async (paused) => {
        done.push(paused ? 'drain all' : 'drain');
        return { ready: 1 };
      },
      cancelDrain: () => done.includes('drain'),
      stop: () => void done.push('stop'),
    },
    groups: {
      join: async (names) => void done.push(`join ${names}`),
      remove: async (name) => done.push(`remove ${name}`),
    },
    journal: { error: (error) => errors.push(error), changed: () => done.push('change') },
  });
  const ask = async (content: unknown): Promise<Record<string, unknown>> => {
    fake.sent.length = 0;
    requests.take(PEER, { number: 9, content });
    await requests.settled();
    assert.ok(fake.sent.every(({ pid }) => pid === PEER.pid));
    const [reply, more] = await repliesIn(fake.sent.map(({ frame }) => frame));
    assert.deepEqual([reply?.number, more], [9, undefined]);
    return reply?.content as Record<string, unknown>;
  };
  return { store, fake, requests, errors, done, ask };
}

describe('Requests', () => {
  it('sets what holds for a queue, and says what does', async () => {
    const { ask, done } = given();
    const settings = { maxAttempts: 3, rate: '10/s' };
    assert.deepEqual(await ask({ op: 'queue', queue: 'a' }), { ok: {} });
    const set = { ...settings, jitter: null };
    assert.deepEqual(await ask({ op: 'queue', queue: 'a', set }), { ok: settings });
    assert.deepEqual(done, ['change']);
    assert.deepEqual(await ask({ op: 'queue', queue: 'a' }), { ok: settings });
    for (const [set, why] of [
      [{ rate: '10' }, /rate: "10" is not a rate/],
      [{ maxAttempts: 0 }, /maxAttempts: 0 is not/],
      [{ jitter: 2 }, /jitter: 2 is not/],
      [{ later: 1 }, /no setting "later"/],
      [{}, /Nothing says what to set/],
      [7, /7 is not an object/],
      [{ deadTo: 'a' }, /a to a/],
    ] as const) {
      const reply = await ask({ op: 'queue', queue: 'a', set });
      assert.match(String(reply.error), why);
      assert.equal(reply.exit, 64);
    }
    assert.match(String((await ask({ op: 'queue', queue: 'a', unset: true })).error), /unset/);
    assert.deepEqual(await ask({ op: 'queue', queue: 'a@audit' }), { ok: settings });
    const ofGroup = await ask({ op: 'queue', queue: 'a@audit', set });
    assert.match(String(ofGroup.error), /has a queue that/);
    assert.deepEqual(done, ['change']);
  });

  it('kicks to another queue', async () => {
    const { store, ask } = given();
    const [id = 0] = await store.put('a');
    await reserve(store, ['default'], '1:1');
    await settle(store, id, { kind: 'dead' });
    assert.match(String((await ask({ op: 'kick', queue: 'default', to: 'ä' })).error), / to /);
    assert.deepEqual(await ask({ op: 'kick', queue: 'default', to: 'b' }), { ok: 1 });
    assert.equal((await store.find(id))?.queue, 'b');
  });

  it('asks the broker', async () => {
    const { ask, done } = given();
    assert.deepEqual(await ask({ op: 'status' }), { ok: { pid: 1 } });
    assert.deepEqual(await ask({ op: 'waiting', queues: ['a', 'b'] }), { ok: 72 });
    assert.deepEqual(await ask({ op: 'asked', number: 3, queue: 'q' }), { ok: [70, 3, 'q'] });
    for (const wrong of [{}, { number: -1, queue: 'q' }, { number: 1 }])
      assert.equal((await ask({ op: 'asked', ...wrong })).exit, 64);
    assert.deepEqual(await ask({ op: 'ids' }), { ok: [7, 8] });
    assert.deepEqual(await ask({ op: 'queues' }), { ok: ['', MAX_QUEUES_TOLD] });
    assert.deepEqual(await ask({ op: 'queues', after: 'a', limit: 7 }), { ok: ['a', 7] });
    assert.deepEqual(await ask({ op: 'metrics', after: 'a' }), {
      ok: ['metrics', 'a', MAX_QUEUES_TOLD],
    });
    assert.deepEqual(await ask({ op: 'changes', since: 5 }), { ok: 5 });
    assert.deepEqual(await ask({ op: 'changes' }), { ok: 0 });
    assert.deepEqual(await ask({ op: 'drain', cancel: true }), { ok: false });
    assert.deepEqual(await ask({ op: 'drain' }), { ok: { ready: 1 } });
    assert.deepEqual(await ask({ op: 'drain', paused: true }), { ok: { ready: 1 } });
    assert.deepEqual(await ask({ op: 'drain', cancel: true }), { ok: true });
    assert.deepEqual(await ask({ op: 'stop' }), {});
    assert.deepEqual(done, ['drain', 'drain all', 'stop']);
  });

  it('shows what waits, text as it is and other bytes in base64', async () => {
    const { store, ask } = given();
    const [first, second] = await store.put('a\0b', 'second');
    const bodies = async (more: object) => {
      const { ok } = await ask({ op: 'peek', queue: 'default', ...more });
      return (ok as { body?: string; text?: string }[]).map(
        ({ body, text }) => text ?? Buffer.from(body ?? '', 'base64'),
      );
    };
    assert.deepEqual(await bodies({}), ['a\0b', 'second']);
    assert.deepEqual(await bodies({ ids: [second], maxBody: 3 }), ['sec']);
    assert.deepEqual(await bodies({ limit: 1 }), ['a\0b']);
    assert.deepEqual(await bodies({ state: 'dead' }), []);
    const { ok } = await ask({ op: 'counts' });
    assert.equal((ok as { ready: number }[])[0]?.ready, 2);
    assert.deepEqual(await ask({ op: 'purge', queue: 'default', ids: [first] }), { ok: 1 });
    assert.deepEqual(await bodies({}), ['second']);
    await store.publish([{ queue: 'default', body: Buffer.from([0xff, 0]), priority: 0 }]);
    assert.deepEqual(await bodies({ skip: 1 }), [Buffer.from([0xff, 0])]);
  });

  it('shows a part of a body, which does not begin or end within a character', async () => {
    const { store, ask } = given();
    await store.put('aä€😀z');
    const part = async (fromByte: number, maxBody: number) => {
      const { ok } = await ask({ op: 'peek', queue: 'default', fromByte, maxBody });
      return (ok as { text?: string; body?: string }[])[0];
    };
    const texts = [];
    for (let at = 0; at < 11; ) {
      const { text = '' } = (await part(at, 5)) ?? {};
      texts.push(text);
      at += Buffer.byteLength(text);
    }
    assert.deepEqual(texts, ['aä', '€', '😀z']);
    assert.equal((await part(3, 1))?.text, undefined);
    assert.deepEqual(Buffer.from((await part(3, 1))?.body ?? '', 'base64'), Buffer.from([0xe2]));
  });

  it('shows bodies of any size, as much at once as a reply may have', async () => {
    const { store, ask } = given();
    await store.put(...Array.from({ length: MAX_ROWS + 1 }, () => 'x'.repeat(1 << 14)));
    const shown = async (more: object) => {
      const { ok } = await ask({ op: 'peek', queue: 'default', ...more });
      return (ok as { text: string }[]).map(({ text }) => text.length);
    };
    assert.deepEqual(await shown({ limit: 1 }), [1 << 14]);
    const all = await shown({ limit: 1e15 });
    assert.deepEqual([all.length, new Set(all).size], [MAX_ROWS, 1]);
    assert.ok((all[0] ?? 0) * MAX_ROWS <= MAX_PEEK_BYTES);
    await store.put('y'.repeat(1 << 20));
    assert.deepEqual(await shown({ skip: MAX_ROWS + 1, limit: 1 }), [MAX_PEEK_BYTES]);
  });

  it('tells of queues a page at a time', async () => {
    const { store, ask } = given();
    for (const queue of ['a', 'b', 'c']) {
      await store.publish([{ queue, body: Buffer.from('x'), priority: 0 }]);
    }
    const page = async (more: object) => {
      const { ok } = await ask({ op: 'counts', ...more });
      return (ok as { queue: string }[]).map(({ queue }) => queue);
    };
    assert.deepEqual(await page({}), ['a', 'b', 'c']);
    assert.deepEqual(await page({ limit: 2 }), ['a', 'b']);
    assert.deepEqual(await page({ after: 'b', limit: 2 }), ['c']);
    assert.deepEqual(await page({ after: 'aa' }), ['b', 'c']);
    assert.deepEqual(await page({ after: 'c' }), []);
  });

  it('changes no more at once than is done in a moment', async () => {
    const { store, ask } = given();
    await store.put(...Array.from({ length: MAX_CHANGES + 3 }, () => 'x'));
    assert.deepEqual(await ask({ op: 'purge', queue: 'default', limit: 1 }), { ok: 1 });
    assert.deepEqual(await ask({ op: 'purge', queue: 'default' }), { ok: MAX_CHANGES });
    assert.deepEqual(await ask({ op: 'purge', queue: 'default', limit: 1e9 }), { ok: 2 });
  });

  it('does not answer "none removed" where none can be', async () => {
    const { ask } = given();
    const { error } = await ask({ op: 'purge', queue: 'default', state: 'reserved' });
    assert.match(String(error), /a consumer holds/);
  });

  it('brings back the dead and pauses, and says that something changed', async () => {
    const { store, ask, done } = given();
    const [id = 0] = await store.put('x');
    await reserve(store, ['default'], '1:1');
    await settle(store, id, { kind: 'dead' });
    assert.deepEqual(await ask({ op: 'kick', queue: 'default' }), { ok: 1 });
    assert.deepEqual(await store.states(), ['ready']);
    assert.deepEqual(await ask({ op: 'pause', queue: 'default', paused: true }), { ok: null });
    assert.equal((await store.counts())[0]?.paused, true);
    await ask({ op: 'pause', queue: 'default', paused: false });
    assert.equal((await store.counts())[0]?.paused, false);
    assert.deepEqual(done, ['change', 'change', 'change']);
  });

  it('finds, changes and removes by id, and says that something changed', async () => {
    const { store, ask, done } = given();
    const [a = 0, b = 0] = await store.put('a', 'b'.repeat(MAX_PEEK_BYTES + 1));
    const found = async (more: object) =>
      (await ask({ op: 'find', ...more })).ok as { text: string };
    assert.equal((await found({ id: a })).text, 'a');
    assert.equal((await found({ id: b })).text.length, MAX_PEEK_BYTES);
    assert.equal((await found({ id: b, fromByte: 1, maxBody: 2 })).text, 'bb');
    assert.equal(await found({ id: 99 }), null);
    const edit = { op: 'edit', ids: [b, 99], priority: 1, delayMs: 0, queue: 'other' };
    assert.deepEqual(await ask(edit), { ok: ['done', 'missing'] });
    assert.equal((await store.find(b))?.queue, 'other');
    assert.deepEqual(done, ['change']);
    assert.deepEqual(await ask({ op: 'remove', ids: [a, b] }), { ok: ['done', 'done'] });
    assert.deepEqual(await store.counts(), []);
  });

  const selection = { op: 'purge', queue: 'default' };
  const bad: unknown[] = [
    ...[null, 5, 'x', [], {}, { op: 'nonsense' }, { op: 'waiting', queues: 'junk' }],
    { op: 'join', groups: ['mail'] },
    { op: 'join', groups: ['mail@a'], more: 1 },
    { op: 'join' },
    { op: 'ungroup', group: 'mail' },
    { op: 'ungroup', group: 'mail@a', limit: 1 },
    { op: 'edit', ids: [1], queue: 'mail@a' },
    { op: 'pause', queue: 'a b', paused: true },
    { op: 'pause', queue: 'default', paused: 'no boolean' },
    { ...selection, state: 'junk' },
    // As other versions ask: taken without it, it would be all.
    { ...selection, id: 5 },
    { ...selection, ids: -1 },
    { ...selection, ids: [1, -1] },
    { ...selection, ids: Array.from({ length: MAX_ROWS + 1 }, (_, n) => n) },
    ...[{ op: 'find' }, { op: 'find', id: -1 }, { op: 'find', id: 1, queue: 'default' }],
    ...[{ op: 'remove' }, { op: 'remove', ids: [1], state: 'dead' }],
    ...[
      { op: 'edit', ids: [1], delayMs: 1e300 },
      { op: 'edit', ids: [1], queue: 'a b' },
    ],
    ...[
      { op: 'edit', priority: 1 },
      { op: 'edit', ids: [1], ttlMs: 5 },
    ],
    { op: 'counts', after: 5 },
    { op: 'drain', paused: 'x' },
    { ...selection, limit: 'x' },
    { ...selection, maxBody: 1.5 },
  ];
  for (const content of bad) {
    it(`refuses ${JSON.stringify(content)}, and changes nothing`, async () => {
      const { store, ask, errors } = given();
      await store.put('x');
      const { ok, error } = await ask(content);
      assert.equal(ok, undefined);
      assert.match(
        String(error),
        /does not (know the request|understand).* Its version may differ/,
      );
      assert.deepEqual(await store.states(), ['ready']);
      assert.deepEqual(errors, []);
    });
  }

  it('says that an answer is too large instead of sending it', async () => {
    const { store, ask } = given();
    store.counts = async () =>
      Array.from({ length: 100 }, () => ({ queue: 'x'.repeat(1 << 16) })) as never;
    assert.match(String((await ask({ op: 'counts' })).error), /too large/);
  });

  it('passes on what is wrong with the store', async () => {
    const { store, ask } = given();
    store.counts = async () => {
      throw new StoreError('store-failed', 75, 'It broke.', 'Mend it.');
    };
    assert.deepEqual(await ask({ op: 'counts' }), { error: 'It broke. Mend it.', exit: 75 });
  });

  it('reports what nobody expected, or who is gone, and answers the next', async () => {
    const { store, fake, requests, errors, ask } = given();
    store.counts = async () => assert.fail('a bug');
    requests.take(PEER, { number: 1, content: { op: 'counts' } });
    fake.answer = () => assert.fail('gone');
    requests.take(PEER, { number: 2, content: { op: 'ids' } });
    await requests.settled();
    assert.deepEqual(errors.map(String), [
      'AssertionError [ERR_ASSERTION]: a bug',
      'AssertionError [ERR_ASSERTION]: gone',
    ]);
    fake.answer = () => ({ kind: 'accepted' });
    assert.deepEqual(await ask({ op: 'ids' }), { ok: [7, 8] });
  });
});
