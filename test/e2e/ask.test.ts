/** Request and reply: the reply comes to who asked, whoever is killed in between. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Consumer } from '../../src/client/consumer.ts';
import { Inspector } from '../../src/client/inspector.ts';
import { Producer } from '../../src/client/producer.ts';
import { Stage, stopped, until } from './harness.ts';

const worker = (stage: Stage, script: string, more: readonly string[] = []) =>
  stage.consumer(['--reply', ...more, '--', 'sh', '-c', script]);

async function counted(stage: Stage): Promise<{ sent: number; dropped: number }> {
  const { stdout } = await stage.sigmq(['status', '--json']).ended;
  return JSON.parse(stdout.toString()).replies;
}

const queued = async (stage: Stage) =>
  (await stage.sigmq(['ls', '--json']).ended).stdout.toString().trim();

describe('sigmq ask', () => {
  it('prints the reply, byte for byte, and ends with the exit code of the command', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    await worker(stage, 'cat', ['-j2']);
    const ask = async (args: readonly string[], stdin?: string) => {
      const { stdout, code } = await stage.sigmq(['ask', ...args], stdin ? { stdin } : {}).ended;
      return [stdout.toString(), code];
    };
    assert.deepEqual(await ask(['a', 'b']), ['a b', 0]);
    assert.deepEqual(await ask(['-'], 'größer\0\n'), ['größer\0\n', 0]);
    const { stdout, code } = await stage.sigmq(['ask', '-f', '/etc/passwd']).ended;
    assert.equal(code, 0);
    assert.match(stdout.toString(), /root/);
  });

  it('passes on how the command ends, and says what is a dead letter at once', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--max-attempts', '2', '--backoff', '1ms']);
    const consumer = await worker(stage, 'read -r x; echo "got $x"; eval "$x"');
    for (const [script, code, stdout] of [
      ['exit 7', 7, 'got exit 7\n'],
      ['exit 255', 255, 'got exit 255\n'],
      ['exit 65', 65, ''],
      ['kill -9 $$', 137, ''],
    ] as const) {
      const ended = await stage.sigmq(['ask', script]).ended;
      assert.deepEqual([ended.code, ended.stdout.toString()], [code, stdout], ended.stderr);
      assert.equal(ended.stderr.includes('dead letter'), stdout === '', script);
    }
    // What nobody asks about goes where it always goes.
    await stage.sent(['exit 0']);
    assert.deepEqual(await consumer.printed(1), ['got exit 0']);
    assert.equal(consumer.lines.length, 1);
  });

  it('says so when the message was handled without a reply', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const consumer = await stage.consumer();
    const { code, stderr } = await stage.sigmq(['ask', 'hello']).ended;
    assert.equal(code, 1);
    assert.match(stderr, /handled.*no reply/s);
    assert.deepEqual(await consumer.printed(1), ['hello']);
  });

  it('gives up in time, and then the message is gone, unless somebody has it', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const patient = stage.sigmq(['ask', '-q', 'nobody', 'x']);
    await patient.says('no consumer takes from queue nobody');
    assert.equal((await stage.sigmq(['ask', '-W', '1s', '-q', 'soon', 'x']).ended).code, 124);
    await until('it has expired', async () => !(await queued(stage)).includes('soon'));
    assert.match(await queued(stage), /"queue":"nobody"/);
  });

  it('gets one reply when the worker is killed, and none for who has left', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const go = stage.path('go');
    const script = `echo "$SIGMQ_ATTEMPT" >&2; [ -e ${go} ] || sleep 600; echo "attempt $SIGMQ_ATTEMPT"`;
    const first = await worker(stage, script);
    const asker = stage.sigmq(['ask', 'x']);
    const left = stage.sigmq(['ask', '-q', 'other', 'x']);
    await first.says(/^1$/m);
    first.signal('SIGKILL');
    await until('the other is stored', async () => (await queued(stage)).includes('other'));
    left.signal('SIGINT');
    assert.equal((await left.ended).signal, 'SIGINT');
    writeFileSync(go, '');
    await worker(stage, script, ['-q', 'default,other']);
    const { code, stdout } = await asker.ended;
    assert.deepEqual([code, stdout.toString()], [0, 'attempt 2\n']);
    await until('both were handled', async () => {
      const { sent, dropped } = await counted(stage);
      return sent === 1 && dropped === 1;
    });
  });

  it('gets its reply from the next broker, whatever the one before was at', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    const go = stage.path('go');
    await worker(stage, `while [ ! -e ${go} ]; do sleep 0.05; done; cat; exit 3`);
    const body = randomBytes(6_000).toString('base64');
    const asker = stage.sigmq(['ask', '--wait', '-'], { stdin: body });
    await until('a worker has it', async () => /"reserved":1/.test(await queued(stage)));
    broker.signal('SIGKILL');
    await broker.ended;
    const second = await stage.broker();
    writeFileSync(go, '');
    // The reply takes its time on the wire: this one is killed in the middle of it.
    await until('the work is done', async () => !/"reserved":1/.test(await queued(stage)));
    second.signal('SIGKILL');
    await second.ended;
    await stage.broker();
    const { code, stdout } = await asker.ended;
    assert.equal(code, 3);
    assert.ok(stdout.toString() === body);
  });

  it('gets its reply after it was stopped', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const asker = stage.sigmq(['ask', '-q', 'later', 'x']);
    await until('it is stored', async () => (await queued(stage)).includes('later'));
    await stopped(asker);
    await worker(stage, `cat; touch ${stage.path('done')}`, ['-q', 'later']);
    await until('the work is done', () => existsSync(stage.path('done')));
    asker.signal('SIGCONT');
    const { code, stdout } = await asker.ended;
    assert.deepEqual([code, stdout.toString()], [0, 'x']);
  });

  it('hears that its message was removed', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const asker = stage.sigmq(['ask', '-q', 'removed', 'x']);
    await until('it is stored', async () => (await queued(stage)).includes('removed'));
    await stage.sigmq(['purge', '--force', 'removed']).ended;
    const { code, stderr } = await asker.ended;
    assert.equal(code, 75);
    assert.match(stderr, /neither the message nor a reply/);
  });

  it('says what is wrong with how it is called', async (t) => {
    const stage = new Stage(t);
    assert.equal((await stage.sigmq(['ask', 'x']).ended).code, 69);
    await stage.broker(['--max-size', '100']);
    for (const [args, code] of [
      [['-W', '0s', 'x'], 64],
      [['--key', 'k', 'x'], 64],
      [['-f', '/nowhere'], 65],
      [['x'.repeat(101)], 65],
    ] as const) {
      assert.equal((await stage.sigmq(['ask', ...args]).ended).code, code, args.join(' '));
    }
    const none = await stage.sigmq(['consume', '--reply']).ended;
    assert.deepEqual([none.code, /--reply needs a command/.test(none.stderr)], [64, true]);
  });
});

describe('Producer.ask()', () => {
  it('gets replies of handlers, several at a time, also in a process that takes messages', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--max-size', '100000']);
    await worker(stage, 'tr a-z A-Z', ['-q', 'upper', '-j2']);
    const producer = await Producer.open({ dir: stage.dir });
    t.after(() => producer.close());
    // A consumer here, whose messages ask for something themselves.
    const ends: boolean[] = [];
    const consumer = await Consumer.open({
      dir: stage.dir,
      jobs: 3,
      handler: async (message) => {
        const upper = await producer.ask(message.body, { queue: 'upper' });
        assert.equal(message.isAsked, false);
        ends.push(await message.reply(upper.body));
      },
    });
    t.after(() => consumer.close());
    await stage.sent(['--lines'], { stdin: 'a\nb\nc' });
    await until('all were asked', () => ends.length === 3);
    assert.deepEqual(ends, [true, true, true]);
    const many = await Promise.all(
      ['x', 'yy', 'größer'].map((body) => producer.ask(body, { queue: 'upper' })),
    );
    assert.deepEqual(
      many.map((reply) => reply.text()),
      ['X', 'YY', 'GRößER'],
    );
    await consumer.close();

    const inspector = await Inspector.open({ dir: stage.dir });
    t.after(() => inspector.close());
    const { body, exitCode } = await producer.ask('{"a":1}', { queue: 'upper', timeoutMs: 60_000 });
    assert.deepEqual([Buffer.from(body).toString(), exitCode], ['{"A":1}', 0]);
    assert.deepEqual((await inspector.counts()).length, 0);
  });

  it('tells how it went wrong', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--max-size', '1000']);
    const producer = await Producer.open({ dir: stage.dir });
    t.after(() => producer.close());
    const peer = stage.script(
      `exec ${process.execPath} --input-type=module -e '
        import { Consumer } from ${JSON.stringify(new URL('../../lib/index.js', import.meta.url).href)};
        await Consumer.open({ handler: async (m) => {
          const text = m.text();
          if (text === "reject") await m.reject();
          else if (text === "none") await m.done();
          else if (text === "large") await m.reply("x".repeat(1001)).catch((error) => m.reply(error.code, { exitCode: 5 }));
          else if (text === "json") await m.reply(JSON.stringify({ a: 1 }));
          else await m.reply("");
        } });
        console.error("ready");'`,
    );
    await peer.says('ready');
    await assert.rejects(producer.ask('reject'), { code: 'dead-letter', exitCode: 65 });
    await assert.rejects(producer.ask('none'), { code: 'no-reply', exitCode: 1 });
    const large = await producer.ask('large');
    assert.deepEqual([large.text(), large.exitCode], ['too-large', 5]);
    assert.deepEqual((await producer.ask('json')).json(), { a: 1 });
    assert.equal((await producer.ask('empty')).text(), '');
    await assert.rejects(producer.ask('x', { queue: 'nobody', timeoutMs: 50 }), {
      code: 'timeout',
    });
    const signal = AbortSignal.abort(new Error('no longer'));
    await assert.rejects(producer.ask('x', { signal }), { message: 'no longer' });
    await assert.rejects(producer.ask(''), { code: 'empty' });
    await assert.rejects(producer.ask('x', { queue: 'a b' }), { code: 'bad-queue' });
    const closed = assert.rejects(producer.ask('x', { queue: 'nobody' }), { code: 'link-closed' });
    await producer.close();
    await closed;
  });
});
