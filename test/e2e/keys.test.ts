/** A key: no second message about the same thing while the first one waits, or is being handled. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Inspector } from '../../src/client/inspector.ts';
import { Producer } from '../../src/client/producer.ts';
import { Stage, until } from './harness.ts';

describe('send --key', () => {
  it('stores one message for a key, whoever sends it, over a restart of the broker', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    const first = await stage.send(['--json', '--key', 'größer 1', 'first']);
    const { id } = JSON.parse(first.stdout.toString());
    await broker.end();
    await stage.broker();
    const again = await stage.send(['--key', 'größer 1', 'again']);
    assert.equal(again.code, 0);
    assert.match(again.stderr, new RegExp(`not stored: message ${id} stands for this key`));
    const json = await stage.send(['--json', '--key', 'größer 1', 'again']);
    assert.deepEqual(JSON.parse(json.stdout.toString()), {
      ...{ id, queue: 'default', bytes: 5, duplicate: true },
    });
    const quiet = await stage.send(['--quiet', '--key', 'größer 1', 'again']);
    assert.deepEqual([quiet.code, quiet.stderr], [0, '']);
    await stage.sent(['--key', 'other', 'other']);
    await stage.sent(['--key', 'größer 1', '-q', 'elsewhere', 'elsewhere']);
    const consumer = await stage.consumer(['-q', 'default,elsewhere']);
    assert.deepEqual((await consumer.printed(3)).sort(), ['elsewhere', 'first', 'other']);
    await stage.sent(['--key', 'größer 1', 'next']);
    assert.equal((await consumer.printed(4))[3], 'next');
    const status = await stage.sigmq(['status', '--json']).ended;
    assert.equal(JSON.parse(status.stdout.toString()).accepted, 3); // since the restart
  });

  it('stores none while the first one is being handled', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    await stage.sent(['--key', 'k', 'first']);
    const marker = stage.path('go');
    const worker = await stage.consumer([
      ...['-c2', '--', 'sh', '-c', `cat; echo; while [ ! -e ${marker} ]; do sleep 0.1; done`],
    ]);
    await worker.printed(1);
    assert.match((await stage.send(['--key', 'k', 'again'])).stderr, /not stored/);
    const shown = await stage.sigmq(['ls']).ended;
    assert.match(shown.stdout.toString(), /default +0 +0 +1 +0/);
    writeFileSync(marker, '');
    await until('it is done', async () => {
      const { stderr } = await stage.send(['--key', 'k', 'next']);
      return stderr === '';
    });
    assert.deepEqual(await worker.printed(2), ['first', 'next']);
  });

  it('keeps the key for --key-ttl, over a restart of the broker', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    await stage.sent(['--key', 'k', '--key-ttl', '1h', 'first']);
    const { stdout } = await stage.sigmq(['consume', '-c1']).ended;
    assert.equal(stdout.toString(), 'first\n');
    await broker.end();
    await stage.broker();
    assert.match(
      (await stage.send(['--key', 'k', 'again'])).stderr,
      /not stored: message 1 stands/,
    );
    assert.equal((await stage.sigmq(['consume', '-e']).ended).stdout.toString(), '');
  });

  it('succeeds when the broker has confirmed it and ends before it says more', async (t) => {
    const stage = new Stage(t);
    // It ends once it has accepted something: mostly before it is asked what became of that.
    const library = new URL('../../lib/index.js', import.meta.url).href;
    const broker = stage.script(
      `exec ${process.execPath} --input-type=module -e '
        import { Broker } from ${JSON.stringify(library)};
        const broker = await Broker.open();
        console.error("runs");
        while ((await broker.metrics()).accepted === 0) await new Promise(setImmediate);
        await broker.close();'`,
    );
    await broker.says('runs');
    const sending = stage.send(['--wait', '-W', '1m', '--key', 'k', 'first']);
    await broker.ended;
    await stage.broker();
    const first = await sending;
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /^$|stored, unless another message stands for this key/);
    assert.match((await stage.send(['--key', 'k', 'again'])).stderr, /message 1 stands/);
  });

  it('is for one message, and says so', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    for (const args of [
      ['--lines', '--key', 'k'],
      ['--null', '--key', 'k', '-'],
      ['--key', '', 'x'],
      ['--key', 'a\nb', 'x'],
      ['--key', 'x'.repeat(257), 'x'],
      ['--key-ttl', '1h', 'x'],
    ]) {
      const { code, stderr } = await stage.send(args, { stdin: 'a\nb\n' });
      assert.equal(code, 64, `${args.join(' ')}: ${stderr}`);
    }
    assert.equal((await stage.sigmq(['ls']).ended).stdout.toString().split('\n').length, 2);
  });

  it('is an option of the library', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const producer = await Producer.open({ dir: stage.dir });
    t.after(() => producer.close());
    const inspector = await Inspector.open({ dir: stage.dir });
    t.after(() => inspector.close());
    await producer.send('a', { key: 'k' });
    assert.deepEqual(await inspector.lastSent(), [{ id: 1, isDuplicate: false }]);
    // Those that go in one frame have keys of their own.
    await Promise.all(
      ['k', 'l', 'l', 'm'].map((key) => producer.send(key, { key, keyTtlMs: 1000 })),
    );
    const { ready } = (await inspector.counts())[0] ?? {};
    assert.equal(ready, 3);
    await assert.rejects(producer.sendAll(['a', 'b'], { key: 'k' }), { code: 'key-of-many' });
    await assert.rejects(producer.send('a', { keyTtlMs: 5 }), { code: 'key-ttl-without-key' });
  });
});
