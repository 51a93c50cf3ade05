/** Durable queues and at-least-once delivery, with processes that fail, hang and die. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Program, ROOT, Stage, stopped, until } from './harness.ts';

interface Got {
  readonly id: number;
  readonly attempt: number;
  readonly queue: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly text: string;
}

class Worker extends Program {
  get got(): Got[] {
    return this.lines.map((line) => JSON.parse(line) as Got);
  }

  async receives(count: number): Promise<Got[]> {
    await this.printed(count);
    return this.got;
  }
}

async function worker(t: TestContext, stage: Stage, options: object = {}): Promise<Worker> {
  const script = join(ROOT, 'test/fixtures/worker.mjs');
  const args = [script, stage.dir, JSON.stringify(options)];
  const program = new Worker(t, process.execPath, args, { stdin: 'open' });
  await program.says('ready');
  return program;
}

async function killed(program: Program): Promise<void> {
  program.signal('SIGKILL');
  await program.ended;
}

it('takes messages of another store for new ones, though they have the same ids', async (t) => {
  const stage = new Stage(t);
  const consumer = await stage.consumer();
  for (const [n, data] of ['a', 'b', 'a'].entries()) {
    const broker = await stage.broker(['--data', stage.path(data)]);
    await stage.sent([`message ${n}`]);
    await consumer.printed(n + 1);
    await broker.end();
  }
  assert.deepEqual(consumer.lines, ['message 0', 'message 1', 'message 2']);
});

describe('a broker that is killed', () => {
  it('has every confirmed message when it is started again', async (t) => {
    const stage = new Stage(t);
    const first = await stage.broker();
    const lines = Array.from({ length: 200 }, (_, n) => `line ${n}`);
    await stage.sent(['--lines'], { stdin: lines.join('\n') });
    await killed(first);
    await stage.broker();
    const consumer = await stage.consumer();
    assert.deepEqual(await consumer.printed(200), lines);
  });

  it('leaves consumers that the next one uses, and asks what became of their messages', async (t) => {
    const stage = new Stage(t);
    const first = await stage.broker();
    const consumer = await worker(t, stage, { jobs: 2 });
    await stage.sent(['slow']);
    await stage.sent(['quick']);
    await consumer.receives(2);
    await killed(first);
    consumer.child.stdin?.write('go on\n'); // it settles while there is no broker
    await stage.broker();
    await stage.sent(['end']);
    const got = await until('the end', () => consumer.got.at(-1)?.text === 'end' && consumer.got);
    assert.deepEqual(
      got.map(({ text, attempt }) => [text, attempt]),
      [
        ['slow', 1],
        ['quick', 1],
        ['end', 1],
      ],
    );
  });

  it('gives what a consumer held that died meanwhile to another, with the attempt counted', async (t) => {
    const stage = new Stage(t);
    const first = await stage.broker();
    const one = await worker(t, stage);
    await stage.sent(['hang-once']);
    const [before] = await one.receives(1);
    await killed(first);
    await killed(one);
    await stage.broker();
    const two = await worker(t, stage);
    const [after] = await two.receives(1);
    assert.deepEqual([after?.id, after?.attempt], [before?.id, 2]);
  });

  it('does not take twice what a producer sends again to the next one', async (t) => {
    const stage = new Stage(t);
    const first = await stage.broker();
    // Stopped, it takes no message; killed, it answers none: the producer sends again to the next.
    await stopped(first);
    const send = stage.sigmq(['send', '--wait', 'hello']);
    await until('the send to wait for it', () => stage.read('bus').length > 0);
    await killed(first);
    await stage.broker();
    assert.equal((await send.ended).code, 0, send.stderr);
    const consumer = await stage.consumer();
    await stage.sent(['end']);
    assert.deepEqual(await consumer.printed(2), ['hello', 'end']);
  });
});

describe('send --wait', () => {
  it('waits for a broker to appear', async (t) => {
    const stage = new Stage(t);
    const send = stage.sigmq(['send', '--wait', 'early']);
    const consumer = await stage.consumer();
    await stage.broker();
    assert.equal((await send.ended).code, 0, send.stderr);
    assert.deepEqual(await consumer.printed(1), ['early']);
  });

  it('gives up after --timeout with 124', async (t) => {
    const stage = new Stage(t);
    assert.equal((await stage.send(['--wait', '-W', '200ms', 'x'])).code, 124);
  });
});

describe('a consumer', () => {
  it('that dies loses its message to another, which sees the attempt and the same id', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const one = await worker(t, stage);
    await stage.sent(['hang-once']);
    const [first] = await one.receives(1);
    const two = await worker(t, stage);
    await killed(one);
    const [second] = await two.receives(1);
    assert.deepEqual([second?.id, second?.attempt], [first?.id, 2]);
  });

  it('that is silent beyond the ack-wait loses its message, and its slot until it speaks', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--ack-wait', '300ms']);
    const one = await worker(t, stage);
    await stage.sent(['hang-once']);
    await one.receives(1);
    const two = await worker(t, stage);
    assert.equal((await two.receives(1))[0]?.attempt, 2);
    await stage.sent(['next']);
    await two.receives(2);
    assert.equal(one.got.length, 1);
  });

  it('can name an ack-wait of its own', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const one = await worker(t, stage, { ackWaitMs: 200 });
    await stage.sent(['hang-once']);
    await one.receives(1);
    const two = await worker(t, stage);
    assert.equal((await two.receives(1))[0]?.attempt, 2);
  });

  it('that fails gets it again after a pause, until it is dead', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--max-attempts', '3', '--backoff', '20ms']);
    const one = await worker(t, stage);
    await stage.sent(['fail']);
    await stage.sent(['fail-once']);
    await stage.sent(['dead']);
    await until('five deliveries', () => one.got.length >= 6);
    await stage.sent(['end']);
    await until('the end', () => one.got.at(-1)?.text === 'end');
    const attempts = (text: string) =>
      one.got.filter((got) => got.text === text).map(({ attempt }) => attempt);
    assert.deepEqual(attempts('fail'), [1, 2, 3]);
    assert.deepEqual(attempts('fail-once'), [1, 2]);
    assert.deepEqual(attempts('dead'), [1]);
  });

  it('that gives a message back does not spend an attempt', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const one = await worker(t, stage);
    await stage.sent(['release-once']);
    const got = await one.receives(2);
    assert.deepEqual([got[1]?.id, got[1]?.attempt], [got[0]?.id, 1]);
  });

  it('with several slots takes several at once, and no more', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const one = await worker(t, stage, { jobs: 3 });
    for (let n = 1; n <= 4; n++) await stage.sent([`slow ${n}`]);
    await one.receives(3);
    const two = await worker(t, stage);
    assert.equal((await two.receives(1))[0]?.text, 'slow 4');
    assert.equal(one.got.length, 3);
  });

  it('that ends settles what is in hand first: nobody else gets it', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const one = await worker(t, stage);
    await stage.sent(['slow']);
    await one.receives(1);
    one.signal('SIGTERM');
    await one.says('stopping');
    const two = await worker(t, stage);
    await stage.sent(['next']);
    await two.receives(1);
    one.child.stdin?.write('go on\n');
    assert.equal((await one.ended).code, 0);
    await stage.sent(['end']);
    const got = await two.receives(2);
    assert.deepEqual(
      got.map(({ text }) => text),
      ['next', 'end'],
    );
  });

  it('that fails after the broker was told to wait gets it again', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--backoff', '20ms']);
    const one = await worker(t, stage);
    await stage.sent(['slow-fail']);
    await one.receives(1);
    one.child.stdin?.write('fail\n');
    assert.equal((await one.receives(2))[1]?.attempt, 2);
  });
});

describe('queues', () => {
  it('are apart, and one consumer may take from several', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    await stage.sent(['-q', 'a', 'in a']);
    await stage.sent(['in default']);
    await stage.sent(['-q', 'b', 'in b']);
    const both = await stage.consumer(['-q', 'a', '-q', 'b']);
    assert.deepEqual(await both.printed(2), ['in a', 'in b']);
    const other = await stage.consumer();
    assert.deepEqual(await other.printed(1), ['in default']);
  });

  it('give the highest priority first, hold back what is delayed, drop what has expired', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    await stage.sent(['--ttl', '1ms', 'expired']);
    const sentAt = Date.now();
    await stage.sent(['--delay', '1500ms', 'delayed']);
    await stage.sent(['low']);
    await stage.sent(['--priority', '7', 'high']);
    await stage.sent(['-H', 'kind: größer', '-H', 'a:b', 'with headers']);
    const consumer = await worker(t, stage);
    await until('the delayed one', () => consumer.got.some(({ text }) => text === 'delayed'));
    assert.ok(Date.now() - sentAt >= 1500);
    await consumer.receives(4);
    const got = consumer.got.filter(({ text }) => text !== 'delayed');
    assert.deepEqual(
      got.map(({ text }) => text),
      ['high', 'low', 'with headers'],
    );
    assert.deepEqual(got[2]?.headers, [
      ['kind', 'größer'],
      ['a', 'b'],
    ]);
  });

  it('are refused under a bad name, with 64', async (t) => {
    const stage = new Stage(t);
    for (const args of [
      ['send', '-q', 'a b', 'x'],
      ['consume', '-q', ''],
      ['send', '--priority', '-1', 'x'],
      ['send', '--delay', 'soon', 'x'],
      ['broker', '--fsync', 'sometimes'],
      ['broker', '--memory', '--data', 'x'],
    ]) {
      const { code, stderr } = await stage.sigmq(args).ended;
      assert.equal(code, 64, `${args.join(' ')}: ${stderr}`);
    }
  });
});

describe('limits', () => {
  it('over them a send gets 75 and nothing is dropped', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--max-messages', '2']);
    await stage.sent(['one']);
    const lines = await stage.send(['--lines'], { stdin: 'two\nthree\n' });
    assert.equal(lines.code, 75, lines.stderr);
    await stage.sent(['two']);
    const { code, stderr } = await stage.send(['three']);
    assert.equal(code, 75);
    assert.match(stderr, /full/);
    const consumer = await stage.consumer();
    assert.deepEqual(await consumer.printed(2), ['one', 'two']);
    await stage.sent(['three']);
    assert.deepEqual(await consumer.printed(3), ['one', 'two', 'three']);
  });

  it('on a full disk a send gets 75; the broker lives and goes on when there is room', async (t) => {
    const stage = new Stage(t);
    const data = stage.path('small');
    mkdirSync(data);
    const options = ['-t', 'tmpfs', '-o', 'size=400k,mode=700', 'tmpfs', data];
    if (spawnSync('mount', options).status !== 0) {
      t.skip('SKIPPED: no tmpfs can be mounted here; needs root');
      return;
    }
    try {
      const broker = await stage.broker(['--data', data]);
      writeFileSync(stage.path('big'), 'x'.repeat(20_000));
      let sent = 0;
      let refused = await stage.send(['--file', stage.path('big')]);
      for (; refused.code === 0; sent++) refused = await stage.send(['--file', stage.path('big')]);
      assert.equal(refused.code, 75, refused.stderr);
      assert.ok(sent > 0);
      await broker.says(/cannot be written/);
      spawnSync('mount', ['-o', 'remount,size=4m', data]);
      await stage.sent(['room']);
      const consumer = await stage.consumer();
      const lines = await consumer.printed(sent + 1);
      assert.equal(lines.at(-1), 'room');
      assert.ok(lines.slice(0, -1).every((line) => line.length === 20_000));
      await consumer.end();
      await broker.end();
    } finally {
      spawnSync('umount', ['-l', data]);
    }
  });
});

describe('the store', () => {
  it('is refused to a second broker, with 78', async (t) => {
    const stage = new Stage(t);
    const data = stage.path('data');
    await stage.broker(['--data', data]);
    const second = stage.sigmq(['broker', '--data', data, '--dir', stage.path('other')]);
    const { code, stderr } = await second.ended;
    assert.equal(code, 78);
    assert.match(stderr, /in use by another broker/);
  });

  it('that is open to everybody is refused, with 77', async (t) => {
    const stage = new Stage(t);
    const data = stage.path('data');
    mkdirSync(data);
    chmodSync(data, 0o777);
    assert.equal((await stage.sigmq(['broker', '--data', data]).ended).code, 77);
  });

  for (const args of [['--memory'], ['--fsync', 'never'], ['--fsync', '20ms']]) {
    it(`does its work with ${args.join(' ')}`, async (t) => {
      const stage = new Stage(t);
      await stage.broker(args);
      await stage.sent(['hello']);
      const consumer = await stage.consumer();
      assert.deepEqual(await consumer.printed(1), ['hello']);
    });
  }
});
