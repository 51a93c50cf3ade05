import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Requests } from '../../src/broker/requests.ts';
import { decodeFrame } from '../../src/codec/envelope.ts';
import { replyOf } from '../../src/link/request.ts';
import { StoreError } from '../../src/queue/errors.ts';
import { FakeEndpoint, FakeStore } from './fakes.ts';

const SENDER = { pid: 70, start: 500 };

function given() {
  const store = new FakeStore();
  const fake = new FakeEndpoint();
  const errors: unknown[] = [];
  const done: string[] = [];
  const requests = new Requests({
    inspection: store,
    endpoint: fake.endpoint,
    broker: {
      status: async () => ({ pid: 1 }),
      waiting: async ({ pid }, queues) => pid + queues.size,
      lastIds: () => [7, 8],
      drain: () => void done.push('drain'),
      stop: () => void done.push('stop'),
    },
    onError: (error) => errors.push(error),
    onChange: () => done.push('change'),
  });
  const ask = async (content: unknown): Promise<Record<string, unknown>> => {
    requests.take(SENDER, { number: 9, content });
    await requests.settled();
    const { pid, frame } = fake.sent.at(-1) ?? assert.fail('no reply');
    assert.equal(pid, SENDER.pid);
    const decoded = decodeFrame(frame.subarray(0, -1));
    assert.ok(decoded.kind === 'envelope');
    const reply = replyOf(decoded.envelope);
    assert.equal(reply?.number, 9);
    return reply.content as Record<string, unknown>;
  };
  return { store, fake, requests, errors, done, ask };
}

describe('Requests', () => {
  it('asks the broker', async () => {
    const { ask, done } = given();
    assert.deepEqual(await ask({ op: 'status' }), { ok: { pid: 1 } });
    assert.deepEqual(await ask({ op: 'waiting', queues: ['a', 'b'] }), { ok: 72 });
    assert.deepEqual(await ask({ op: 'ids' }), { ok: [7, 8] });
    assert.deepEqual(await ask({ op: 'drain' }), {});
    assert.deepEqual(await ask({ op: 'stop' }), {});
    assert.deepEqual(done, ['drain', 'stop']);
  });

  it('shows what waits, in base64', async () => {
    const { store, ask } = given();
    const [first, second] = await store.put('a\0b', 'second');
    const bodies = async (more: object) => {
      const { ok } = await ask({ op: 'peek', queue: 'default', ...more });
      return (ok as { body: string }[]).map(({ body }) => Buffer.from(body, 'base64').toString());
    };
    assert.deepEqual(await bodies({}), ['a\0b', 'second']);
    assert.deepEqual(await bodies({ id: second, maxBody: 3 }), ['sec']);
    assert.deepEqual(await bodies({ limit: 1 }), ['a\0b']);
    assert.deepEqual(await bodies({ state: 'dead' }), []);
    const { ok } = await ask({ op: 'counts' });
    assert.equal((ok as { ready: number }[])[0]?.ready, 2);
    assert.deepEqual(await ask({ op: 'purge', queue: 'default', id: first }), { ok: 1 });
    assert.deepEqual(await bodies({}), ['second']);
  });

  it('brings back the dead and pauses, and says that something changed', async () => {
    const { store, ask, done } = given();
    const [id = 0] = await store.put('x');
    await store.reserve(['default'], '1:1');
    await store.settle(id, { kind: 'dead' });
    assert.deepEqual(await ask({ op: 'kick', queue: 'default' }), { ok: 1 });
    assert.deepEqual(await store.states(), ['ready']);
    assert.deepEqual(await ask({ op: 'pause', queue: 'default', paused: true }), { ok: null });
    assert.equal((await store.counts())[0]?.paused, true);
    await ask({ op: 'pause', queue: 'default', paused: false });
    assert.equal((await store.counts())[0]?.paused, false);
    assert.deepEqual(done, ['change', 'change', 'change']);
  });

  const selection = { op: 'purge', queue: 'default' };
  const bad: unknown[] = [
    ...[null, 5, 'x', [], {}, { op: 'nonsense' }, { op: 'waiting', queues: 'junk' }],
    { op: 'pause', queue: 'a b', paused: true },
    { op: 'pause', queue: 'default', paused: 'no boolean' },
    { ...selection, state: 'junk' },
    { ...selection, id: -1 },
    { ...selection, limit: 'x' },
    { ...selection, maxBody: 1.5 },
  ];
  for (const content of bad) {
    it(`refuses ${JSON.stringify(content)}, and changes nothing`, async () => {
      const { store, ask, errors } = given();
      await store.put('x');
      const { ok, error } = await ask(content);
      assert.equal(ok, undefined);
      assert.match(String(error), /does not (know the request|understand).* another version/);
      assert.deepEqual(await store.states(), ['ready']);
      assert.deepEqual(errors, []);
    });
  }

  it('says that an answer is too large instead of sending it', async () => {
    const { store, ask } = given();
    await store.put('x'.repeat(1 << 20));
    assert.match(String((await ask({ op: 'peek', queue: 'default' })).error), /too large/);
    assert.ok((await ask({ op: 'peek', queue: 'default', maxBody: 10 })).ok);
  });

  it('passes on what is wrong with the store', async () => {
    const { store, ask } = given();
    store.counts = async () => {
      throw new StoreError('store-failed', 75, 'It broke.', 'Mend it.');
    };
    assert.deepEqual(await ask({ op: 'counts' }), { error: 'It broke. Mend it.' });
  });

  it('reports what nobody expected, or who is gone, and answers the next', async () => {
    const { store, fake, requests, errors, ask } = given();
    store.counts = async () => assert.fail('a bug');
    requests.take(SENDER, { number: 1, content: { op: 'counts' } });
    fake.answer = () => assert.fail('gone');
    requests.take(SENDER, { number: 2, content: { op: 'ids' } });
    await requests.settled();
    assert.deepEqual(errors.map(String), [
      'AssertionError [ERR_ASSERTION]: a bug',
      'AssertionError [ERR_ASSERTION]: gone',
    ]);
    fake.answer = () => ({ kind: 'accepted' });
    assert.deepEqual(await ask({ op: 'ids' }), { ok: [7, 8] });
  });
});
