/** Programs that we did not write: they trap both signals and never answer (section 3). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Stage, until } from './harness.ts';

describe('plain peers', () => {
  it('consume from our broker, in turn with our consumers', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const plain = await stage.python('plain_consumer.py', [stage.dir]);
    const ours = await stage.consumer();
    for (let n = 1; n <= 6; n++) {
      await stage.sent([`größer ${n}`]);
      // Paced, a message takes longer than to send the next two: who still has one is passed over.
      await until('it to be settled', async () => {
        const { ready = 0, reserved = 0 } = await stage.counts();
        return ready === 0 && reserved === 0;
      });
    }
    assert.deepEqual(await plain.printed(3), ['größer 1', 'größer 3', 'größer 5']);
    assert.deepEqual(await ours.printed(3), ['größer 2', 'größer 4', 'größer 6']);
  });

  it('send to our broker, while ours do', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const consumer = await stage.consumer();
    const words = Array.from({ length: 4 }, (_, n) => `plain größer ${n}`);
    const producer = stage.fixture('plain_producer.py', [stage.dir, ...words]);
    await Promise.all([1, 2, 3].map((n) => stage.sent([`ours ${n}`])));
    assert.equal((await producer.ended).code, 0, producer.stderr);
    const got = await consumer.printed(7);
    assert.deepEqual([...got].sort(), [...words, 'ours 1', 'ours 2', 'ours 3'].sort());
  });

  it('are served by our producer and consumer as a broker', async (t) => {
    const stage = new Stage(t);
    await stage.python('plain_broker.py', [stage.dir]);
    const consumer = await stage.consumer();
    for (const word of ['hello', 'größer 信号']) await stage.sent([word]);
    assert.deepEqual(await consumer.printed(2), ['hello', 'größer 信号']);
  });

  it('cannot take zero bytes or options: exit 65, and the broker is not disturbed', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.python('plain_broker.py', [stage.dir]);
    const { code, stderr } = await stage.send(['-'], { stdin: Buffer.from([1, 0, 2]) });
    assert.equal(code, 65, stderr);
    assert.match(stderr, /zero byte/);
    broker.signal('SIGTERM');
    await broker.ended;
  });

  it('that are stopped hold nobody up', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const plain = await stage.python('plain_consumer.py', [stage.dir]);
    const ours = await stage.consumer();
    plain.signal('SIGSTOP');
    const words = Array.from({ length: 4 }, (_, n) => `word ${n}`);
    for (const word of words) await stage.sent([word]);
    await until('all words from the living one', () => words.every((w) => ours.lines.includes(w)));
  });
});

describe('without the addon', () => {
  const env = { SIGMQ_PLAIN: '1' };

  it('all three programs still work, as plain peers, and say so', async (t) => {
    const stage = new Stage(t, env);
    const broker = await stage.broker();
    assert.match(broker.stderr, /plain peer/);
    const consumer = await stage.consumer();
    const { code, stderr } = await stage.send(['größer']);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /plain peer/);
    assert.deepEqual(await consumer.printed(1), ['größer']);
  });

  it('a broker with it serves a consumer without it', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const consumer = await stage.consumer([], { env });
    await stage.sent(['hello']);
    assert.deepEqual(await consumer.printed(1), ['hello']);
  });

  it('a broker without it serves peers with it', async (t) => {
    const stage = new Stage(t);
    await stage.broker([], { env });
    const consumer = await stage.consumer();
    await stage.sent(['hello']);
    assert.deepEqual(await consumer.printed(1), ['hello']);
  });
});
