/** Requests to a running broker: by signals, as everything else. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Inspector } from '../../src/client/inspector.ts';
import { Producer } from '../../src/client/producer.ts';
import { Stage } from './harness.ts';

async function inspected(t: TestContext, args: readonly string[] = []) {
  const stage = new Stage(t);
  const broker = await stage.broker(args);
  const inspector = await Inspector.open({ dir: stage.dir });
  t.after(() => inspector.close());
  return { stage, broker, inspector };
}

const texts = (messages: readonly { body: Uint8Array }[]) =>
  messages.map(({ body }) => Buffer.from(body).toString());

describe('Inspector', () => {
  it('counts, shows and purges what waits', async (t) => {
    const { stage, inspector } = await inspected(t);
    assert.deepEqual(await inspector.counts(), []);
    await stage.sent(['--lines'], { stdin: 'a\nb\nc' });
    await stage.sent(['-q', 'other', '--delay', '1h', '-H', 'k:v', 'later']);
    assert.deepEqual(
      (await inspector.counts()).map(({ queue, ready, delayed }) => [queue, ready, delayed]),
      [
        ['default', 3, 0],
        ['other', 0, 1],
      ],
    );
    assert.deepEqual(texts(await inspector.peek('default', { limit: 2 })), ['a', 'b']);
    const [later] = await inspector.peek('other', { maxBody: 3 });
    assert.deepEqual(
      [later?.state, later?.bytes, later && texts([later]), later?.headers],
      ['delayed', 5, ['lat'], [['k', 'v']]],
    );
    assert.equal(await inspector.purge('default', { limit: 1 }), 1);
    const consumer = await stage.consumer();
    assert.deepEqual(await consumer.printed(2), ['b', 'c']);
  });

  it('finds, changes and removes messages by id, while consumers wait for them', async (t) => {
    const { stage, inspector } = await inspected(t);
    const body = 'x'.repeat(60_000);
    await stage.sent(['--delay', '1h', '--lines'], { stdin: `a\nb\nc\n${body}` });
    const [a = 0, b = 0, c = 0, large = 0] = (await inspector.peek('default')).map(({ id }) => id);
    assert.deepEqual(texts([(await inspector.find(large)) ?? { body: Buffer.from('') }]), [body]);
    assert.equal(await inspector.find(999), undefined);
    const consumer = await stage.consumer(['-q', 'other']);
    assert.deepEqual(await inspector.edit([b, a, 999], { queue: 'other', delayMs: 0 }), [
      ...['done', 'done', 'missing'],
    ]);
    assert.deepEqual((await consumer.printed(2)).sort(), ['a', 'b']);
    const ids = Array.from({ length: 250 }, (_, n) => n + 1000);
    assert.deepEqual(await inspector.remove([...ids, c]), [...ids.map(() => 'missing'), 'done']);
    assert.deepEqual(
      (await inspector.peek('default')).map(({ id }) => id),
      [large],
    );
    await assert.rejects(inspector.edit([large], {}), { code: 'no-edit', exitCode: 64 });
    await assert.rejects(inspector.remove([0]), { code: 'bad-number' });
  });

  it('shows what is sent for a time as delayed until then', async (t) => {
    const { stage, inspector } = await inspected(t);
    const year = new Date().getFullYear() + 1;
    await stage.sent(['--at', `${year}-06-01 09:00`, 'x']);
    const [message] = await inspector.peek('default');
    const wanted = new Date(year, 5, 1, 9).getTime();
    assert.ok(Math.abs((message?.dueAt ?? 0) - wanted) < 5000, `${message?.dueAt}`);
    const producer = await Producer.open({ dir: stage.dir });
    t.after(() => producer.close());
    await producer.send('at once', { at: new Date(0) });
    assert.deepEqual(
      (await inspector.counts()).map(({ ready, delayed }) => [ready, delayed]),
      [[1, 1]],
    );
    const both = producer.send('x', { at: new Date(), delayMs: 5 });
    await assert.rejects(both, { code: 'two-delays', exitCode: 64 });
    const late = producer.send('x', { at: new Date(wanted), ttlMs: 1000 });
    await assert.rejects(late, { code: 'delay-over-ttl' });
    const refused = await stage.send(['--at', '2020-01-01 09:00', 'x']);
    assert.deepEqual([refused.code, /in the past/.test(refused.stderr)], [64, true]);
    assert.equal((await stage.send(['--at', '09:00', '--delay', '1h', 'x'])).code, 64);
  });

  it('pauses a queue over a restart of the broker, and resumes it', async (t) => {
    const { stage, broker, inspector } = await inspected(t);
    await inspector.pause('default', true);
    await stage.sent(['held']);
    const consumer = await stage.consumer();
    broker.signal('SIGKILL');
    await broker.ended;
    await stage.broker();
    await stage.sent(['-q', 'other', 'x']);
    assert.deepEqual(consumer.lines, []);
    assert.equal((await inspector.counts())[0]?.paused, true);
    await inspector.pause('default', false);
    assert.deepEqual(await consumer.printed(1), ['held']);
  });

  it('tells what the broker says of itself', async (t) => {
    const { stage, broker, inspector } = await inspected(t);
    const consumer = await stage.consumer(['-q', 'a', '-q', 'b', '-j', '4']);
    await stage.sent(['-q', 'a', 'x']);
    await consumer.printed(1);
    const status = await inspector.status();
    assert.equal(status.pid, broker.pid);
    assert.deepEqual(status.consumers, [
      { pid: consumer.pid, kind: 'echo', queues: ['a', 'b'], jobs: 4, holding: 0 },
    ]);
    assert.deepEqual([status.accepted, status.delivered], [1, 1]);
  });

  it('refuses a bad name, and says so', async (t) => {
    const { inspector } = await inspected(t);
    await assert.rejects(inspector.pause('no such name', true), { code: 'bad-queue' });
  });

  it('stops a broker', async (t) => {
    const { broker, inspector } = await inspected(t);
    await inspector.stop();
    assert.equal((await broker.ended).code, 0);
  });

  it('drains a broker: it takes nothing new, gives out what it has, and stops', async (t) => {
    const { stage, broker, inspector } = await inspected(t);
    await stage.sent(['last']);
    await inspector.drain();
    assert.equal((await stage.send(['too late'])).code, 69);
    const consumer = await stage.consumer();
    assert.equal((await broker.ended).code, 0);
    assert.deepEqual(await consumer.printed(1), ['last']);
  });

  it('says so when the broker goes away', async (t) => {
    const { broker, inspector } = await inspected(t);
    broker.signal('SIGKILL');
    await broker.ended;
    await assert.rejects(inspector.counts(), { exitCode: 69 });
  });
});
