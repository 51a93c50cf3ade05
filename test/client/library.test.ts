/** Producer, Consumer and Inspector of this process, with a broker in another. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  type BrokerOptions,
  Consumer,
  Inspector,
  type Message,
  Producer,
} from '../../src/index.ts';
import { BusFile } from '../../src/link/bus-record.ts';
import { loadAddon } from '../../src/signals/addon.ts';
import { endAfter } from '../end-after.ts';
import { type Child, startModule, tempDir, until } from '../registry/children.ts';

const INDEX = JSON.stringify(new URL('../../src/index.js', import.meta.url).href);

/** A broker as a library, in a process of its own; it stops when its stdin says so. */
async function brokerIn(t: TestContext, dir: string, options: BrokerOptions = {}): Promise<Child> {
  const all = { dir, store: { kind: 'memory', backoffMs: 1 }, ...options };
  const child = startModule(
    t,
    `import { Broker } from ${INDEX};
const broker = await Broker.open(${JSON.stringify(all)});
console.log('ready');
process.stdin.once('data', async () => { await broker.close(); process.exit(); });`,
  );
  const line = await child.line();
  if (line !== 'ready') assert.fail(`the broker ended with ${await child.exited}`);
  endAfter(t, async () => {
    child.say('stop');
    await child.exited;
  });
  return child;
}

async function given(t: TestContext, options?: BrokerOptions) {
  const dir = tempDir(t);
  const broker = await brokerIn(t, dir, options);
  const producer = await Producer.open({ dir });
  t.after(() => producer.close());
  return { dir, broker, producer };
}

/** A consumer that does with each message what it is told to. */
async function consuming(
  t: TestContext,
  dir: string,
  handle: (message: Message) => unknown = () => {},
) {
  const bodies: string[] = [];
  const errors: string[] = [];
  const handler = (message: Message) => {
    bodies.push(message.text());
    return handle(message);
  };
  const onError = (error: unknown) => errors.push((error as Error).message);
  const consumer = await Consumer.open({ dir, handler, onError, jobs: 2, ackWaitMs: 60_000 });
  t.after(() => consumer.close());
  return { bodies, errors, consumer };
}

/** What a handler does with a message that says it. */
function settleAs(text: string, message: Message): unknown {
  if (text.startsWith('throws')) throw new Error(text);
  if (text.startsWith('fails')) return message.fail();
  if (text.startsWith('is released now')) return message.release({ now: true });
  if (text.startsWith('is released')) return message.release();
  if (text.startsWith('is rejected')) return message.reject();
  return undefined;
}

const skip = loadAddon().why ?? false;

describe('Producer', { skip }, () => {
  it('sends one, and many in several holds of the bus, each with what it is', async (t) => {
    const { dir, producer } = await given(t);
    const messages: Message[] = [];
    const { bodies } = await consuming(t, dir, (message) => void messages.push(message));
    await producer.send('größer', { headers: [['k', 'v']] });
    let confirmed = 0;
    const many = Array.from({ length: 100 }, (_, n) => `${n}`);
    await producer.sendAll(many, { onConfirmed: (count) => (confirmed += count) });
    await until(() => bodies.length === 101);
    assert.deepEqual(bodies, ['größer', ...many]);
    assert.equal(confirmed, 100);
    assert.deepEqual(messages[0]?.headers, [['k', 'v']]);
    assert.equal(producer.maxMessageBytes, 65_536);
    assert.equal(producer.plainBecause, undefined);
  });

  it('waits for no broker once it is closed', async (t) => {
    const dir = tempDir(t);
    await brokerIn(t, dir);
    const producer = await Producer.open({ dir, wait: true });
    await producer.close();
    await assert.rejects(producer.send('x'), { code: 'link-closed', exitCode: 69 });
  });

  it('may be closed twice, and then sends no more; others go on', async (t) => {
    const { dir, producer } = await given(t);
    const other = await Producer.open({ dir });
    const inspector = await Inspector.open({ dir });
    await Promise.all([other.close(), other.close(), inspector.close()]);
    await other.close();
    await inspector.close();
    await producer.send('x');
    await assert.rejects(other.send('y'), { code: 'link-closed', exitCode: 69 });
    const next = await Inspector.open({ dir });
    t.after(() => next.close());
    assert.equal((await next.counts())[0]?.ready, 1);
  });

  it('delays by a month, and lets it live for a century', async (t) => {
    const { dir, producer } = await given(t);
    const day = 86_400_000;
    await producer.send('x', { delayMs: 30 * day, ttlMs: 36_600 * day, timeoutMs: 30 * day });
    const inspector = await Inspector.open({ dir });
    t.after(() => inspector.close());
    assert.equal((await inspector.counts())[0]?.delayed, 1);
  });

  it('shows the frame and its echoes, and how far it is', async (t) => {
    const { producer } = await given(t);
    const frames: number[][] = [];
    await producer.send('hi', {
      priority: 2,
      delayMs: 1,
      ttlMs: 60_000,
      queue: 'q',
      onFrame: ({ frame, echoes }) => frames.push([frame.length * 8, echoes.length]),
      onProgress: () => {},
    });
    const [bits, echoes] = frames[0] ?? [];
    assert.ok(bits);
    assert.equal(bits, echoes);
  });

  it('refuses what cannot be sent, before or by the broker', async (t) => {
    const { producer } = await given(t, {
      maxMessageBytes: 100,
      store: { kind: 'memory', maxMessages: 1 },
    });
    await assert.rejects(producer.send(''), { code: 'empty', exitCode: 65 });
    await assert.rejects(producer.send('x'.repeat(101)), { code: 'too-large', exitCode: 65 });
    await assert.rejects(producer.send('x', { queue: 'a b' }), { code: 'bad-queue', exitCode: 64 });
    for (const bodies of ['hello', Buffer.from('hello'), 5, {}, null]) {
      await assert.rejects(producer.sendAll(bodies as never), {
        code: 'bad-body',
        exitCode: 65,
        message: /is not a list of messages\.$/,
      });
    }
    for (const body of [{}, undefined, ['x'], 5]) {
      await assert.rejects(producer.send(body as never), { code: 'bad-body', exitCode: 65 });
    }
    await assert.rejects(producer.send('x', { delayMs: 1000, ttlMs: 1000 }), {
      code: 'delay-over-ttl',
      exitCode: 64,
    });
    await assert.rejects(
      producer.send('x', { signal: AbortSignal.abort(new Error('no')) }),
      /^Error: no$/,
    );
    await producer.send('x');
    await assert.rejects(producer.send('y'), { code: 'full', exitCode: 75 });
  });

  it('does not open where no broker runs, or waits for one', async (t) => {
    const dir = tempDir(t);
    await assert.rejects(Producer.open({ dir }), { exitCode: 69 });
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(Producer.open({ dir, wait: true, signal }), /enough/);
    const opening = Producer.open({ dir, wait: true });
    await brokerIn(t, dir);
    const producer = await opening;
    await producer.send('x');
    await producer.close();
  });

  it('fails when the broker goes away, in time when it is stopped', async (t) => {
    const { broker, producer } = await given(t);
    broker.process.kill('SIGSTOP');
    await assert.rejects(producer.send('x', { timeoutMs: 100 }), {
      code: 'timeout',
      exitCode: 124,
    });
    broker.process.kill('SIGCONT');
    await broker.kill('SIGKILL');
    await assert.rejects(producer.send('x'), { exitCode: 69 });
  });
});

describe('Consumer', { skip }, () => {
  it('settles at once or later, and gets again what failed', async (t) => {
    const { dir, producer } = await given(t);
    const seen = new Set<string>();
    const { bodies, errors, consumer } = await consuming(t, dir, (message) => {
      const text = message.text();
      if (seen.has(text)) return undefined;
      seen.add(text);
      return text.endsWith('later')
        ? turn().then(() => settleAs(text, message))
        : settleAs(text, message);
    });
    const kinds = ['is done', 'throws', 'fails', 'is released', 'is released now', 'is rejected'];
    const sent = kinds.flatMap((kind) => [kind, `${kind}, later`]);
    await producer.sendAll(sent);
    const again = sent.filter((text) => /^(throws|fails|is released)/.test(text));
    await until(() => bodies.length === sent.length + again.length);
    assert.deepEqual(bodies.sort(), [...sent, ...again].sort());
    assert.deepEqual(errors.sort(), ['throws', 'throws, later']);
    assert.equal(consumer.plainBecause, undefined);
    // Of those that came together with one that takes its time each is settled afterwards.
    const deadline = performance.now() + 30_000;
    while ((await consumer.waiting()) > 0) assert.ok(performance.now() < deadline, 'one stays');
  });

  it('warns of what goes wrong when nobody listens, or one who cannot', async (t) => {
    const { dir, producer } = await given(t);
    const warnings: string[] = [];
    const listen = ({ name, message }: Error) => warnings.push(`${name}: ${message}`);
    process.on('warning', listen);
    t.after(() => process.off('warning', listen));
    const handle = ({ body, attempt }: Message) => {
      if (attempt === 1) throw new Error(`cannot take ${Buffer.from(body)}`);
    };
    const silent = await Consumer.open({ dir, handler: handle });
    await producer.send('a');
    await until(() => warnings.length === 1);
    await silent.close();
    const failing = await Consumer.open({
      dir,
      handler: handle,
      onError: () => {
        throw new Error('cannot hear');
      },
    });
    t.after(() => failing.close());
    await producer.send('b');
    await until(() => warnings.length === 3);
    assert.deepEqual(warnings, [
      'SigmqWarning: cannot take a',
      'SigmqWarning: cannot take b',
      'SigmqWarning: cannot hear',
    ]);
  });

  it('takes from a thousand queues, and says how many wait there', async (t) => {
    const { dir, producer } = await given(t);
    const queues = Array.from({ length: 1000 }, (_, n) => `q${n}`);
    const bodies: string[] = [];
    const handler = (message: Message) => bodies.push(message.text());
    const consumer = await Consumer.open({ dir, handler, queues });
    t.after(() => consumer.close());
    await producer.send('x', { queue: queues[999] });
    await until(() => bodies.length === 1);
    assert.equal(await consumer.waiting(), 0);
  });

  it('is looped over: settles each message as it is told', async (t) => {
    const { dir, producer } = await given(t);
    const errors: unknown[] = [];
    const consumer = await Consumer.open({ dir, onError: (error) => errors.push(error) });
    const texts = ['is done', 'fails', 'is released', 'is released now', 'is rejected'];
    await producer.sendAll(texts.map((text) => JSON.stringify({ text })));
    const seen: string[] = [];
    for await (const message of consumer) {
      const { text } = message.json<{ text: string }>();
      const isFirst = !seen.includes(text);
      seen.push(text);
      assert.equal(await message.extend(), true);
      await (isFirst ? settleAs(text, message) : undefined);
      assert.equal(await message.done(), !isFirst || text === 'is done');
      assert.equal(message.isSettled, true);
      assert.equal(await message.extend(), false);
      if (seen.length === texts.length + 3) break;
    }
    assert.deepEqual(seen.sort(), [...texts, 'fails', 'is released', 'is released now'].sort());
    const inspector = await Inspector.open({ dir });
    t.after(() => inspector.close());
    const dead = await inspector.peek('default', { state: 'dead' });
    assert.deepEqual(
      dead.map(({ body }) => JSON.parse(Buffer.from(body).toString()).text),
      ['is rejected'],
    );
    assert.deepEqual([(await inspector.status()).consumers, errors], [[], []]);
  });

  it('is looped over by several, and ends the loops when it is closed', async (t) => {
    const { dir, producer } = await given(t);
    const consumer = await Consumer.open({ dir, jobs: 3 });
    const seen: string[] = [];
    const loop = async () => {
      for await (const message of consumer) {
        seen.push(message.text());
        await message.done();
      }
    };
    const loops = [loop(), loop()];
    await producer.sendAll(['a', 'b', 'c']);
    await until(() => seen.length === 3);
    await consumer.close();
    await Promise.all(loops);
    for await (const message of consumer) assert.fail(`${message.text()} came after the end`);
  });

  it('gives back what no loop has got, and fails what a loop was left with', async (t) => {
    const { dir, producer } = await given(t, { store: { kind: 'memory', maxAttempts: 1 } });
    await producer.sendAll(['a', 'b', 'c']);
    const consumer = await Consumer.open({ dir, jobs: 3 });
    await until(() => consumer.lastSignalAt === undefined);
    const reason = new Error('a bug');
    const left = (async () => {
      for await (const message of consumer) throw Object.assign(reason, { text: message.text() });
    })();
    await assert.rejects(left, reason);
    const inspector = await Inspector.open({ dir });
    t.after(() => inspector.close());
    const counts = (await inspector.counts())[0];
    assert.deepEqual([counts?.dead, counts?.ready, counts?.reserved], [1, 2, 0]);
  });

  it('closes when its signal is aborted, or what uses it is over', async (t) => {
    const { dir, producer } = await given(t);
    const closing = new AbortController();
    const consumer = await Consumer.open({ dir, signal: closing.signal });
    await producer.send('a');
    for await (const message of consumer) {
      closing.abort();
      await message.done();
    }
    await consumer.close();
    {
      await using next = await Consumer.open({ dir, handler: () => {} });
      assert.throws(() => next[Symbol.asyncIterator](), { code: 'has-handler', exitCode: 64 });
      await using other = await Producer.open({ dir });
      await other.send('b');
    }
    await assert.rejects(Consumer.open({ dir, signal: AbortSignal.abort(new Error('no')) }), /no/);
    const opening = new AbortController();
    const opened = Consumer.open({ dir, signal: opening.signal });
    opening.abort(new Error('not any more'));
    await assert.rejects(opened, /not any more/);
    const again = await Consumer.open({ dir });
    await again.close();
  });

  it('gives its handler nothing before the caller has it', async (t) => {
    const { dir, producer } = await given(t);
    await producer.sendAll(['1', '2', '3']);
    const got: string[] = [];
    const consumer: Consumer = await Consumer.open({
      dir,
      handler: (message) => {
        got.push(`${message.text()} ${message.attempt}`);
        void consumer.close();
      },
    });
    await consumer.close();
    assert.equal(got.length, 0);
    const second: Consumer = await Consumer.open({
      dir,
      handler: (message) => {
        got.push(`${message.text()} ${message.attempt}`);
        if (got.length === 3) void second.close();
      },
    });
    await until(() => got.length === 3);
    assert.deepEqual(got, ['1 1', '2 1', '3 1']);
  });

  it('finishes what is in hand when it stops', async (t) => {
    const { dir, producer } = await given(t);
    let finish = () => {};
    const { bodies, consumer } = await consuming(
      t,
      dir,
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    );
    await producer.send('slow');
    await until(() => bodies.length === 1);
    const stopping = consumer.close();
    assert.equal(consumer.close(), stopping);
    finish();
    await stopping;
    const inspector = await Inspector.open({ dir });
    t.after(() => inspector.close());
    assert.deepEqual(await inspector.counts(), []);
  });

  it('that starts anew in its process knows what the broker counts on', async (t) => {
    const options: BrokerOptions = { store: { kind: 'sqlite', folder: tempDir(t) } };
    const { dir, broker, producer } = await given(t, options);
    const finish: (() => void)[] = [];
    const work = () => new Promise<void>((resolve) => finish.push(resolve));
    const before = await consuming(t, dir, work);
    await producer.send('first');
    await until(() => finish.length === 1);
    const stopping = before.consumer.close();
    finish[0]?.();
    await stopping;
    const { bodies } = await consuming(t, dir, work);
    await producer.send('second');
    await until(() => bodies.length === 1);
    broker.say('stop');
    await broker.exited;
    await brokerIn(t, dir, options);
    await producer.send('third');
    await until(() => bodies.includes('third'));
    for (const end of finish) end();
    assert.deepEqual(bodies, ['second', 'third'], 'what it has in hand is not handled again');
  });
});

describe('Inspector', { skip }, () => {
  it('asks for all that there is to ask', async (t) => {
    const { dir, broker, producer } = await given(t);
    const inspector = await Inspector.open({ dir });
    t.after(() => inspector.close());
    assert.equal((await inspector.status()).pid, broker.pid);
    await producer.sendAll(['a', 'b']);
    assert.equal((await inspector.lastIds()).length, 2);
    assert.deepEqual(
      (await inspector.peek('default')).map(({ body }) => Buffer.from(body).toString()),
      ['a', 'b'],
    );
    await inspector.pause('default', true);
    assert.equal((await inspector.counts())[0]?.paused, true);
    assert.equal(await inspector.purge('default', { limit: 1 }), 1);
    assert.equal(await inspector.kick('default'), 0);
    await inspector.stop();
    await inspector.drain();
    await assert.rejects(producer.send('x'), { code: 'closing', exitCode: 69 });
  });

  it('does not open where no broker runs, or waits for one', async (t) => {
    await assert.rejects(Inspector.open({ dir: tempDir(t) }), { exitCode: 69 });
    const dir = tempDir(t);
    const opening = Inspector.open({ dir, wait: true });
    await brokerIn(t, dir);
    const inspector = await opening;
    t.after(() => inspector.close());
    assert.deepEqual(await inspector.counts(), []);
  });

  it('waits for no answer once it is closed, also where others go on', async (t) => {
    const { dir, broker, producer } = await given(t);
    const inspector = await Inspector.open({ dir });
    broker.process.kill('SIGSTOP');
    const asking = [inspector.status(), inspector.peek('default'), inspector.remove([1])];
    const refused = Promise.all(asking.map((one) => assert.rejects(one, { code: 'link-closed' })));
    void inspector.close();
    await refused;
    await assert.rejects(inspector.counts(), { code: 'link-closed' });
    broker.process.kill('SIGCONT');
    await producer.send('x');
  });

  it('refuses options that are none, and an edit that changes nothing', async (t) => {
    const { dir } = await given(t);
    await using inspector = await Inspector.open({ dir });
    const bad = null as unknown as object;
    for (const call of [
      () => inspector.purge('default', bad),
      () => inspector.drain(bad),
      () => inspector.peek('default', bad),
      () => inspector.find(1, bad),
      () => inspector.remove([1], bad),
      () => inspector.edit([1], bad),
    ])
      await assert.rejects(call(), { name: 'OptionError' });
    await assert.rejects(inspector.edit([1], { prio: 5 } as object), { code: 'no-edit' });
  });

  it('asks no more when nobody wants to know', async (t) => {
    const { dir, broker, producer } = await given(t);
    await using inspector = await Inspector.open({ dir });
    const reason = new Error('enough');
    const aborted = { signal: AbortSignal.abort(reason) };
    await assert.rejects(inspector.counts(aborted), reason);
    await assert.rejects(inspector.purge('default', aborted), reason);
    await assert.rejects(Inspector.open({ dir, ...aborted }), reason);
    broker.process.kill('SIGSTOP');
    const asking = new AbortController();
    const peeking = inspector.peek('default', { signal: asking.signal });
    const bus = new BusFile(join(dir, 'bus'));
    await until(() => bus.read().pid === process.pid); // it asks
    bus.close();
    asking.abort(reason);
    await assert.rejects(peeking, reason);
    broker.process.kill('SIGCONT');
    await producer.send('x');
    assert.equal((await inspector.counts())[0]?.ready, 1);
  });
});
