/** Two brokers, as on two hosts, and one store. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it, type TestContext } from 'node:test';
import { Stage, stopped, until } from '../e2e/harness.ts';
import { newUrl, twoHosts } from './host.ts';
import { PostgresServer, withoutPostgres } from './server.ts';

describe('brokers that share a store', { skip: withoutPostgres }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.remove());

  const given = (t: TestContext, args: readonly string[] = []) => twoHosts(t, server, args);

  it('bring what is sent to one to the consumers of the other', async (t) => {
    const { a, b } = await given(t);
    const consumer = await b.stage.consumer();
    await a.stage.sent(['größer']);
    assert.deepEqual(await consumer.printed(1), ['größer']);
    const lines = Array.from({ length: 300 }, (_, n) => `${n}`);
    await a.stage.sent(['--lines'], { stdin: lines.join('\n') });
    assert.deepEqual(await consumer.printed(301), ['größer', ...lines]);
  });

  it('reply to who asked on the other host', async (t) => {
    const { a, b, url } = await given(t);
    const worker = ['--reply', '--', 'sh', '-c', 'echo "got $(cat)"; exit 3'];
    await b.stage.consumer(worker);
    const { code, stdout, stderr } = await a.stage.sigmq(['ask', 'größer']).ended;
    assert.deepEqual([code, stdout.toString()], [3, 'got größer\n'], stderr);
    // While its own broker is away, the reply waits in the store.
    const go = b.stage.path('go');
    const slow = `while [ ! -e ${go} ]; do sleep 0.05; done; echo later`;
    await b.stage.consumer(['-q', 'slow', '--reply', '--', 'sh', '-c', slow]);
    const asker = a.stage.sigmq(['ask', '--wait', '-q', 'slow', 'x']);
    await until('it is being handled', async () => (await b.counts())[0]?.reserved === 1);
    a.broker.signal('SIGKILL');
    await a.broker.ended;
    writeFileSync(go, '');
    await until('it is done', async () => (await b.counts()).length === 0);
    await a.stage.broker(['--store', url]);
    assert.equal((await asker.ended).stdout.toString(), 'later\n');
  });

  it('give each message to one consumer, whoever has one', async (t) => {
    const { a, b } = await given(t);
    const consumers = [await a.stage.consumer(), await b.stage.consumer()];
    const lines = Array.from({ length: 200 }, (_, n) => `${n}`);
    for (const { stage } of [a, b]) {
      const half = lines.filter((_, n) => n % 2 === (stage === a.stage ? 0 : 1));
      await stage.sent(['--lines'], { stdin: half.join('\n') });
    }
    const got = () => consumers.flatMap(({ lines }) => lines);
    await until('all lines', () => got().length >= 200);
    await until('an empty store', async () => (await a.counts()).length === 0);
    assert.deepEqual(
      got().sort((x, y) => Number(x) - Number(y)),
      lines,
    );
  });

  it('see what is done by hand on the other host', async (t) => {
    const { a, b } = await given(t, ['--max-attempts', '1']);
    await a.sigmq('pause');
    const consumer = await b.stage.consumer();
    await b.stage.sent(['held']);
    assert.equal((await b.counts())[0]?.paused, true);
    await b.stage.sent(['-q', 'gone', 'purged']);
    await a.sigmq('purge', 'gone', '--force');
    assert.deepEqual(
      (await b.counts()).map(({ queue }) => queue),
      ['default'],
    );
    assert.deepEqual(consumer.lines, []);
    await a.sigmq('resume');
    assert.deepEqual(await consumer.printed(1), ['held']);
    await b.stage.sent(['-q', 'dead', 'kicked']);
    const failed = await b.stage.sigmq(['consume', '-q', 'dead', '-c1', '--', 'false']).ended;
    assert.equal(failed.signal, null);
    await until('a dead message', async () => (await a.counts()).some(({ dead }) => dead === 1));
    const other = await b.stage.consumer(['-q', 'dead']);
    await a.sigmq('dead', 'kick', '-q', 'dead');
    assert.deepEqual(await other.printed(1), ['kicked']);
  });

  it('deliver a delayed message also when the broker that took it is gone', async (t) => {
    const { a, b } = await given(t);
    const consumer = await b.stage.consumer();
    await a.stage.sent(['--delay', '1s', 'later']);
    a.broker.signal('SIGKILL');
    await a.broker.ended;
    assert.deepEqual(await consumer.printed(1), ['later']);
  });

  it('keep to limits together', async (t) => {
    const { a, b } = await given(t, ['--max-messages', '10']);
    await a.stage.sent(['--lines'], { stdin: 'x\n'.repeat(6) });
    await b.stage.sent(['--lines'], { stdin: 'x\n'.repeat(4) });
    const { code, stderr } = await a.stage.send(['too much']);
    assert.deepEqual([code, /full/.test(stderr)], [75, true], stderr);
    await b.sigmq('purge', '--force');
    await a.stage.sent(['fits']);
  });

  it('know each other', async (t) => {
    const { a, b } = await given(t);
    const { engine, store } = await a.status();
    assert.deepEqual(
      engine?.brokers.map(({ dir, draining }) => [dir, draining]),
      [[b.stage.dir, false]],
    );
    assert.deepEqual([engine?.name, engine?.notifies, engine?.error], ['PostgreSQL', true, null]);
    assert.match(store, /^postgres:/);
    await b.stage.sent(['--delay', '1h', 'keeps it']);
    await b.sigmq('drain');
    await until('the drain', async () => (await a.status()).engine?.brokers[0]?.draining);
    b.broker.signal('SIGTERM');
    assert.equal((await b.broker.ended).code, 0);
    assert.deepEqual((await a.status()).engine?.brokers, []);
    const { stdout } = await a.stage.sigmq(['status']).ended;
    assert.match(stdout.toString(), /PostgreSQL \d+\.\d+, answers in/);
  });

  it('take over what a killed one held, when its lease is over', async (t) => {
    const { a, b } = await given(t, ['--lease', '1s']);
    const go = a.stage.path('go');
    const script = `while ! [ -e ${go} ]; do sleep 0.05; done`;
    const worker = await a.stage.consumer(['--', 'sh', '-c', script]);
    await a.stage.sent(['work']);
    await until('the work', async () => (await b.counts())[0]?.reserved === 1);
    for (const program of [a.broker, worker]) program.signal('SIGKILL');
    const consumer = await b.stage.consumer();
    assert.deepEqual(await consumer.printed(1), ['work']);
    writeFileSync(go, ''); // the command has outlived its consumer
  });

  it('go on with what the former broker of a directory held, at once', async (t) => {
    const { a, url } = await given(t, ['--lease', '10m']);
    const go = a.stage.path('go');
    const script = `while ! [ -e ${go} ]; do sleep 0.05; done; cat; echo`;
    const worker = await a.stage.consumer(['--', 'sh', '-c', script]);
    await a.stage.sent(['work']);
    await until('the work', async () => (await a.counts())[0]?.reserved === 1);
    a.broker.signal('SIGKILL');
    await a.broker.ended;
    await a.stage.broker(['--store', url]);
    writeFileSync(go, '');
    await until('its end', async () => (await a.counts()).length === 0);
    assert.deepEqual(worker.lines, ['work']);
  });

  it('tell the consumers of a stopped one that their work went to others', async (t) => {
    const { a, b } = await given(t, ['--lease', '1s']);
    const go = a.stage.path('go');
    const script = `while ! [ -e ${go} ]; do sleep 0.05; done; cat; echo`;
    const worker = await a.stage.consumer(['--', 'sh', '-c', script]);
    await a.stage.sent(['work']);
    await until('the work', async () => (await b.counts())[0]?.reserved === 1);
    await stopped(a.broker);
    const consumer = await b.stage.consumer();
    assert.deepEqual(await consumer.printed(1), ['work']);
    a.broker.signal('SIGCONT');
    writeFileSync(go, '');
    await a.broker.says(/Message \d+ of consumer \d+ went to another broker/);
    assert.equal((await a.counts()).length, 0);
    assert.deepEqual(worker.lines, ['work']);
  });

  it('take over what one held that was killed soon after its start', async (t) => {
    const url = newUrl(server);
    const args = ['--store', url, '--lease', '2s'];
    const b = new Stage(t);
    await b.broker(args);
    const waiting = await b.consumer();
    await b.sent(['-q', 'other', 'x']); // it has looked around, and seen nobody
    const a = new Stage(t);
    const broker = await a.broker(args);
    const worker = await a.consumer(['-q', 'mine', '--', 'sleep', '600']);
    await a.sent(['-q', 'mine', 'held']);
    await until('the worker', async () => {
      const { stdout } = await a.sigmq(['ls']).ended;
      return /mine +0 +0 +1 /.test(stdout.toString());
    });
    broker.signal('SIGKILL');
    worker.signal('SIGKILL');
    const second = await b.consumer(['-q', 'mine']);
    assert.deepEqual(await second.printed(1), ['held']);
    await waiting.end();
  });

  it('are what export and import mean, and backup does not', async (t) => {
    const { a } = await given(t);
    await a.stage.sent(['-q', 'mail', 'x']);
    const lines = (await a.sigmq('export')).split('\n');
    assert.ok(
      lines.some((line) => line.includes('"mail"')),
      lines.join('\n'),
    );
    const imported = await a.stage.sigmq(['import'], { stdin: lines.join('\n') }).ended;
    assert.equal(imported.code, 0, imported.stderr);
    assert.equal((await a.counts())[0]?.ready, 2);
    const backup = await a.stage.sigmq(['backup', a.stage.path('x.db')]).ended;
    assert.deepEqual([backup.code, /sigmq export/.test(backup.stderr)], [64, true], backup.stderr);
    const memory = new Stage(t);
    await memory.broker(['--memory']);
    assert.equal((await memory.sigmq(['export']).ended).code, 69);
  });
});
