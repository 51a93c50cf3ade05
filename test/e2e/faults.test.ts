/** Processes that are killed and stopped at bad moments, and signals that nobody asked for. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Program, Stage, stopped, text, until } from './harness.ts';

/** The 2 s of docs/protocol.md, section 4, *Decoders*, and something for a slow machine; ms. */
const FORGET_MS = 2300;

/** The process that holds the bus, or had it last (docs/protocol.md, section 5). */
function holder(stage: Stage): number {
  try {
    return readFileSync(stage.path('bus')).readUInt32LE(4);
  } catch {
    return 0;
  }
}

/** 60,000 bytes that are not all alike. */
function longText(seed: number): string {
  return Array.from({ length: 7500 }, (_, n) => `${seed}${n}-------`.slice(0, 8)).join('');
}

/** A `send` of 60,000 bytes that is in the middle of its frame. */
async function sendInMidFrame(stage: Stage): Promise<{ send: Program; body: string }> {
  const body = longText(1);
  writeFileSync(stage.path('body'), body);
  const send = stage.sigmq(['send', '--file', stage.path('body')]);
  await until('the send to have the bus', () => holder(stage) === send.pid);
  return { send, body };
}

describe('a storm of foreign signals', () => {
  it('slows 50 sends down and changes nothing else', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    const consumer = await stage.consumer();
    const storm = await stage.python('storm.py', [String(broker.pid), '--until-stdin-closes'], {
      stdin: 'open',
    });
    const messages = Array.from({ length: 50 }, (_, n) => text(n, 60));
    for (let n = 0; n < 50; n += 5) {
      await Promise.all(messages.slice(n, n + 5).map((message) => stage.sent([message])));
    }
    storm.child.stdin?.end();
    await storm.ended;
    await stage.sent(['the end']);
    await until('the end', () => consumer.lines.includes('the end'));
    assert.deepEqual(consumer.lines.sort(), [...messages, 'the end'].sort());
  });
});

describe('a producer', () => {
  it('killed in mid-frame leaves nothing behind', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const consumer = await stage.consumer();
    const { send } = await sendInMidFrame(stage);
    send.signal('SIGKILL');
    await stage.sent(['next']);
    assert.deepEqual(await consumer.printed(1), ['next']);
  });

  it('stopped in mid-frame lets others go on; continued, it completes or says so', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const consumer = await stage.consumer();
    const { send, body } = await sendInMidFrame(stage);
    await stopped(send);
    await stage.sent(['next']);
    assert.deepEqual(await consumer.printed(1), ['next']);
    send.signal('SIGCONT');
    const { code, stderr } = await send.ended;
    assert.ok(code === 0 || code === 75, stderr);
    await stage.sent(['last']);
    await until('the last message', () => consumer.lines.includes('last'));
    const bodies = consumer.stdout
      .toString()
      .replace(/^next\n/, '')
      .replace(/last\n$/, '');
    assert.equal(bodies, code === 0 ? `${body}\n` : '');
  });

  it('stopped for longer than a broker remembers half a frame sends it again, whole', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const { send, body } = await sendInMidFrame(stage);
    await stopped(send);
    await sleep(FORGET_MS); // nothing tells from outside that the broker has forgotten it
    send.signal('SIGCONT');
    const { code, stderr } = await send.ended;
    assert.equal(code, 0, stderr);
    const consumer = await stage.consumer();
    assert.deepEqual(await consumer.printed(1), [body]);
  });

  it('interrupted in mid-frame ends with 130, and the broker takes the next', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const { send } = await sendInMidFrame(stage);
    send.signal('SIGINT');
    const { code, signal } = await send.ended;
    assert.ok(signal === 'SIGINT' || code === 130);
    await stage.sent(['next']);
    const consumer = await stage.consumer();
    assert.deepEqual(await consumer.printed(1), ['next']);
  });

  it('gives up after --timeout with 124 when the broker is stopped', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    await stopped(broker);
    const { code, stderr } = await stage.send(['--timeout', '300ms', 'hello']);
    assert.equal(code, 124, stderr);
    broker.signal('SIGCONT');
    await stage.sent(['next']);
    const consumer = await stage.consumer();
    assert.equal((await consumer.printed(1)).at(-1), 'next');
  });

  it('fails with 69 when the broker is killed in mid-frame', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    const { send } = await sendInMidFrame(stage);
    broker.signal('SIGKILL');
    const { code, stderr } = await send.ended;
    assert.equal(code, 69, stderr);
  });
});

describe('a consumer', () => {
  it('that is stopped holds nothing up and takes part again when continued', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const sleeper = await stage.consumer();
    const other = await stage.consumer();
    await stopped(sleeper);
    const words = ['a', 'b', 'c', 'd'];
    for (const word of words) await stage.sent([word]);
    assert.deepEqual(await other.printed(4), words);
    assert.deepEqual(sleeper.lines, []);
    sleeper.signal('SIGCONT');
    await until('its turn', async () => {
      await stage.sent(['again']);
      return sleeper.lines.includes('again');
    });
  });

  it('that is stopped in mid-frame: the message goes to the other, once', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    const first = await stage.consumer();
    const body = longText(2);
    writeFileSync(stage.path('body'), body);
    await stage.sent(['--file', stage.path('body')]);
    await until('the broker to deliver', () => holder(stage) === broker.pid);
    await stopped(first);
    const second = await stage.consumer();
    const got = await until('the message', () => second.lines[0] ?? first.lines[0]);
    assert.equal(got, body);
    first.signal('SIGCONT');
    await stage.sent(['x']);
    await stage.sent(['y']);
    await until('both', () => first.lines.length + second.lines.length === 3);
    assert.deepEqual([...first.lines, ...second.lines].sort(), [body, 'x', 'y'].sort());
  });

  it('that is killed is forgotten, and its message goes to the next', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const dead = await stage.consumer();
    dead.signal('SIGKILL');
    await dead.ended;
    const consumer = await stage.consumer();
    for (const word of ['a', 'b']) await stage.sent([word]);
    assert.deepEqual(await consumer.printed(2), ['a', 'b']);
    assert.ok(!stage.read('consumers.txt').includes(String(dead.pid)));
  });

  it('whose reader goes away gives the message back and ends quietly', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const consumer = await stage.consumer();
    await stage.sent(['one']);
    await consumer.printed(1);
    consumer.child.stdout?.destroy();
    await stage.sent(['two']);
    const { code, stderr } = await consumer.ended;
    assert.equal(code, 0, stderr);
    const next = await stage.consumer();
    assert.deepEqual(await next.printed(1), ['two']);
  });
});

describe('shutting down', () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`by ${signal}: broker and consumer leave the directory, the broker with 0`, async (t) => {
      const stage = new Stage(t);
      const broker = await stage.broker();
      const consumer = await stage.consumer();
      await stage.sent(['hello']);
      await consumer.printed(1);
      consumer.signal(signal);
      // Ctrl-C ends it as by the signal, or loops of a shell would go on.
      const expected = signal === 'SIGINT' ? [null, 'SIGINT'] : [0, null];
      const { code, signal: by } = await consumer.ended;
      assert.deepEqual([code, by], expected, consumer.stderr);
      assert.ok(!stage.read('consumers.txt').includes(String(consumer.pid)));
      broker.signal(signal);
      assert.equal((await broker.ended).code, 0, broker.stderr);
      assert.throws(() => stage.read('broker.pid'), /ENOENT/);
    });
  }

  it('a broker finishes the frame that it takes, or refuses it; nothing in between', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    const consumer = await stage.consumer();
    const { send, body } = await sendInMidFrame(stage);
    broker.signal('SIGTERM');
    const { code } = await send.ended;
    assert.equal((await broker.ended).code, 0, broker.stderr);
    assert.ok(code === 0 || code === 69, send.stderr);
    // A memory store forgets what was not delivered: only what is printed can be compared.
    assert.ok(consumer.stdout.length === 0 || consumer.stdout.toString() === `${body}\n`);
  });

  it('a second signal ends a broker that is busy at once', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    const plain = await stage.python('plain_consumer.py', [stage.dir]);
    await stage.sent([text(1, 5000)]);
    await until('the plain consumer to be served', () => {
      const stat = readFileSync(`/proc/${plain.pid}/status`, 'latin1');
      return Number(/voluntary_ctxt_switches:\s*(\d+)/.exec(stat)?.[1]) > 20;
    });
    broker.signal('SIGINT');
    await broker.says('signal again');
    broker.signal('SIGINT');
    const { code, signal } = await broker.ended;
    assert.ok(signal === 'SIGINT' || code === 130, `${code} ${signal}`);
  });
});
