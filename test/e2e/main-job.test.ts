import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { DIST, Program, Stage, text, until } from './harness.ts';

describe('broker, consume, send', () => {
  it('gives six messages to two consumers in turn', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const one = await stage.consumer();
    const two = await stage.consumer();
    for (let n = 1; n <= 6; n++) await stage.sent([`message ${n}`], { cwd: '/' });
    assert.deepEqual(await one.printed(3), ['message 1', 'message 3', 'message 5']);
    assert.deepEqual(await two.printed(3), ['message 2', 'message 4', 'message 6']);
    assert.equal(one.stdout.length + two.stdout.length, 6 * 'message 1\n'.length);
  });

  it('holds messages while there is no consumer, in order', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    for (const word of ['a', 'b', 'c']) await stage.sent([word]);
    const consumer = await stage.consumer();
    assert.deepEqual(await consumer.printed(3), ['a', 'b', 'c']);
  });

  it('joins words, reads standard input for -, a file for --file', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    writeFileSync(stage.path('message'), 'from a file');
    await stage.sent(['one', 'two', 'three']);
    await stage.sent(['-'], { stdin: 'from standard input' });
    await stage.sent(['--file', stage.path('message')]);
    await stage.sent(['--', '--dashes']);
    const consumer = await stage.consumer();
    assert.deepEqual(await consumer.printed(4), [
      'one two three',
      'from standard input',
      'from a file',
      '--dashes',
    ]);
  });

  it('does not touch standard input when the message is an argument', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    // A shell loop reads the rest of its input afterwards: nothing of it may be gone.
    const loop = 'while read -r word; do "$@" send "$word"; done';
    const sigmq = [process.execPath, `${DIST}/bin/sigmq.js`];
    const shell = new Program(t, 'sh', ['-c', loop, 'sh', ...sigmq], {
      env: { SIGMQ_DIR: stage.dir },
      stdin: 'x\ny\nz\n',
    });
    assert.equal((await shell.ended).code, 0, shell.stderr);
    const consumer = await stage.consumer();
    assert.deepEqual(await consumer.printed(3), ['x', 'y', 'z']);
  });

  it('takes 30 sends at the same moment, each intact and once', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const consumers = [await stage.consumer(), await stage.consumer()];
    const messages = Array.from({ length: 30 }, (_, n) => text(n, 200));
    const sends = await Promise.all(messages.map((message) => stage.send([message])));
    for (const { code, stderr } of sends) assert.equal(code, 0, stderr);
    await consumers[0]?.printed(15);
    await consumers[1]?.printed(15);
    const got = consumers.flatMap((consumer) => consumer.lines);
    assert.deepEqual(got.sort(), messages.sort());
  });

  it('carries 64 KiB of random bytes, zeros included', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const body = randomBytes(65_536);
    writeFileSync(stage.path('body'), body);
    await stage.sent(['--file', stage.path('body')]);
    await stage.sent(['end']);
    const consumer = await stage.consumer();
    await until('the end', () => consumer.stdout.length >= body.length + 1 + 4);
    assert.ok(consumer.stdout.equals(Buffer.concat([body, Buffer.from('\nend\n')])));
  });

  it('sends lines in order, skips empty ones and says so', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const consumer = await stage.consumer();
    const lines = Array.from({ length: 300 }, (_, n) => `line ${n}`);
    const { code, stderr } = await stage.send(['--lines'], {
      stdin: `${lines.join('\n')}\n\n\nlast`,
    });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /2 empty lines/);
    assert.deepEqual(await consumer.printed(301), [...lines, 'last']);
  });

  it('refuses what is over the maximum with exit 65, and takes it when that is raised', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    writeFileSync(stage.path('large'), Buffer.alloc(65_537, 'x'));
    for (const args of [['--file', stage.path('large')], ['-']]) {
      const { code, stderr } = await stage.send(args, { stdin: readFileSync(stage.path('large')) });
      assert.equal(code, 65, stderr);
      assert.match(stderr, /accepts at most 65536/);
    }
    await broker.end();
    await stage.broker(['--max-size', '128K']);
    await stage.sent(['--file', stage.path('large')]);
    const consumer = await stage.consumer();
    assert.equal((await consumer.printed(1))[0]?.length, 65_537);
  });

  it('has each program as an executable of its own', async (t) => {
    const stage = new Stage(t);
    await stage.program('sigmq-broker', []).says('runs in');
    const consumer = stage.program('sigmq-consumer', []);
    await consumer.says('waits for messages');
    const { code, stderr } = await stage.program('sigmq-producer', ['hello', 'there']).ended;
    assert.equal(code, 0, stderr);
    assert.deepEqual(await consumer.printed(1), ['hello there']);
  });
});
