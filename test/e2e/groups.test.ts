/** consume --group: every group gets every message; weights among queues; priorities that age. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Consumer } from '../../src/client/consumer.ts';
import { Stage, until } from './harness.ts';

const lines = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `line ${from + i}`);

describe('groups', () => {
  it('get every message, within each in turn, however the broker and consumers end', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    await stage.sent(['-q', 'mail', 'before']);
    const on = (group: string) => ['-q', 'mail', '-g', group, '-F', '%q %p\\n'];
    const audit = await stage.consumer(on('audit'));
    const one = await stage.consumer(on('work'));
    const two = await stage.consumer(on('work'));
    await stage.sent(['-q', 'mail', '--lines'], { stdin: lines(20).join('\n') });
    const said = (texts: readonly string[]) => texts.map((text) => `mail ${text}`);
    assert.deepEqual(await audit.printed(21), said(['before', ...lines(20)]));
    const shared = await until('all is done', async () => {
      const both = [...one.lines, ...two.lines];
      return both.length === 20 && both;
    });
    assert.deepEqual(shared.sort(), said(lines(20)).sort());
    assert.ok(one.lines.length > 0 && two.lines.length > 0);
    // What comes while all of a group are gone is kept for it, by the next broker too.
    await audit.end();
    broker.signal('SIGKILL');
    await broker.ended;
    await stage.broker();
    await stage.sent(['-q', 'mail', '--lines'], { stdin: lines(3, 20).join('\n') });
    const again = await stage.consumer(on('audit'));
    assert.deepEqual(await again.printed(3), said(lines(3, 20)));
    await until(
      'the others have them, too',
      async () => one.lines.length + two.lines.length === 23,
    );
  });

  it('are shown, and removed when they have no consumers', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const out = async (...args: string[]) => (await stage.sigmq(args).ended).stdout.toString();
    const consumer = await stage.consumer(['-g', 'a']);
    const plain = await stage.consumer();
    await stage.sent(['-q', 'default', 'x']);
    await consumer.printed(1);
    assert.match(await out('doctor'), new RegExp(`Consumer ${plain.pid} gets nothing .*default`));
    const refused = await stage.sigmq(['group', 'rm', 'default', 'a', '--force']).ended;
    assert.equal(refused.code, 75);
    assert.match(refused.stderr, new RegExp(`has consumers: ${consumer.pid}`));
    await consumer.end();
    await stage.sent(['y']);
    assert.match(await out('ls'), /default@a +1 +0 +0 +0/);
    assert.match(await out('group', 'ls'), /default +a +1 +0 +0 +0/);
    const [row] = (await out('group', 'ls', 'default', '--json')).trim().split('\n');
    const { queue, group, ready } = JSON.parse(row ?? '');
    assert.deepEqual([queue, group, ready], ['default', 'a', 1]);
    assert.match(await out('peek', 'default@a'), / y/);
    const peek = await stage.sigmq(['peek']).ended;
    assert.match(peek.stderr, /has groups.*default@a/);
    assert.match(await out('doctor'), /Group a of queue default has no consumer, and 1 message/);
    const unsure = await stage.sigmq(['group', 'rm', 'default', 'a']).ended;
    assert.equal(unsure.code, 64);
    assert.equal(await out('group', 'rm', 'default', 'a', '--force'), '1 removed\n');
    assert.equal((await stage.sigmq(['group', 'rm', 'default', 'a', '--force']).ended).code, 65);
    assert.equal((await stage.send(['-q', 'default@a', 'z'])).code, 64);
    await stage.sent(['z']);
    assert.deepEqual(await plain.printed(1), ['z']);
  });

  it('are there before their consumer is; it waits for a broker that makes them', async (t) => {
    const stage = new Stage(t);
    const early = stage.sigmq(['consume', '-g', 'a', '-c1']);
    await early.says('no broker is running yet');
    const idle = await stage.sigmq(['consume', '-g', 'b', '-W', '100ms']).ended;
    assert.equal(idle.code, 124);
    assert.equal((await stage.sigmq(['consume', '-g', 'b', '-e']).ended).code, 69);
    const stopped = stage.sigmq(['consume', '-g', 'b']);
    await stopped.says('no broker is running yet');
    stopped.signal('SIGTERM');
    assert.equal((await stopped.ended).code, 0);
    const broker = await stage.broker(['--memory']);
    await early.says('waits for messages');
    await stage.sent(['x']);
    assert.deepEqual((await early.ended).stdout.toString(), 'x\n');
    // What a broker without its store does not know, it learns before it takes a message.
    const [one, two] = [await stage.consumer(['-g', 'c']), await stage.consumer(['-g', 'd'])];
    await broker.end();
    await stage.broker(['--memory']);
    await stage.sent(['y']);
    assert.deepEqual([await one.printed(1), await two.printed(1)], [['y'], ['y']]);
  });

  it('are refused clearly by a broker that knows none', async (t) => {
    const stage = new Stage(t);
    const python = await stage.python('plain_broker.py', [stage.dir]);
    const { code, stderr } = await stage.sigmq(['consume', '-g', 'a']).ended;
    assert.equal(code, 69, stderr);
    assert.match(stderr, /plain peer/);
    await python.end();
  });
});

describe('a consumer in this process', () => {
  it('takes from a group, under the name of its queue, and by weights', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--aging', '1h']);
    const got: string[] = [];
    const consumer = await Consumer.open({
      dir: stage.dir,
      group: 'g',
      queues: [{ name: 'mail', weight: 2 }, 'bulk'],
      handler: (message) => void got.push(`${message.queue} ${message.text()}`),
    });
    t.after(() => consumer.close());
    const status = await stage.sigmq(['status']).ended;
    assert.match(status.stdout.toString(), /mail@g:2,bulk@g:1/);
    assert.match(status.stdout.toString(), /aging +a priority for each 1h/);
    await stage.sent(['-q', 'bulk', 'x']);
    await until('it has it', () => got.length > 0);
    assert.deepEqual(got, ['bulk x']);
    await until('nothing waits', async () => (await consumer.waiting()) === 0);
  });
});

describe('consume -q mail:2 -q bulk', () => {
  it('takes in proportion from both, and the rest when one is empty', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    await stage.sent(['-q', 'bulk', '--lines'], { stdin: lines(6).join('\n') });
    await stage.sent(['-q', 'mail', '--lines'], { stdin: lines(4).join('\n') });
    const consumer = await stage.consumer([
      '-q',
      'mail:2',
      '-q',
      'bulk',
      '-F',
      '%q\\n',
      '-c',
      '10',
    ]);
    const queues = (await consumer.ended).stdout.toString().trim().split('\n');
    assert.equal(queues.map((queue) => queue[0]).join(''), 'mbmmbmbbbb');
    for (const bad of ['mail:0', 'mail:x', 'mail:']) {
      const { code, stderr } = await stage.sigmq(['consume', '-q', bad]).ended;
      assert.equal(code, 64);
      assert.match(stderr, /is not a weight/);
    }
  });
});

describe('a broker with --aging', () => {
  it('gives a message that has waited before one of a higher priority', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--aging', '1ms']);
    await stage.sent(['low']);
    await stage.sent(['--priority', '1', 'high']);
    assert.equal((await stage.sigmq(['consume', '-c1']).ended).stdout.toString(), 'low\n');
  });
});
