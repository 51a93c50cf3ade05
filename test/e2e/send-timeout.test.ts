/** `send --timeout` bounds everything: the end is 124, whatever is going on by then. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { Stage, stopped } from './harness.ts';

async function staged(t: TestContext) {
  const stage = new Stage(t);
  return { stage, broker: await stage.broker(['--memory']) };
}

/** A FIFO that somebody holds open for writing and never closes; `text` is in it. */
function openFifo(t: TestContext, stage: Stage, text = ''): string {
  const path = stage.path('fifo');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR);
  t.after(() => closeSync(fd));
  if (text !== '') writeSync(fd, text);
  return path;
}

describe('send --timeout', () => {
  it('ends the wait for standard input, whole or in lines', async (t) => {
    const { stage } = await staged(t);
    for (const args of [['-'], [], ['--lines'], ['-0'], ['--wait', '-']]) {
      const sending = stage.sigmq(['send', '-W', '300ms', ...args], { stdin: 'open' });
      sending.child.stdin?.write('a part');
      const { code, stderr } = await sending.ended;
      assert.equal(code, 124, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, /No confirmation within 300 ms/);
    }
  });

  it('says which lines are safe', async (t) => {
    const { stage } = await staged(t);
    const path = openFifo(t, stage, 'a\nb\nhalf');
    const { code, stderr } = await stage.send(['-W', '3s', '--lines', '-f', path]);
    assert.deepEqual([code, /2 lines were confirmed/.test(stderr)], [124, true], stderr);
  });

  it('ends the wait for who writes into a FIFO, or ever opens it', async (t) => {
    const { stage } = await staged(t);
    const path = stage.path('nobody');
    execFileSync('mkfifo', [path]);
    for (const args of [
      ['-f', path],
      ['--lines', '-f', path],
      ['-f', openFifo(t, stage, 'x')],
    ]) {
      assert.equal((await stage.send(['-W', '300ms', ...args])).code, 124, args.join(' '));
    }
  });

  it('ends the wait for a broker that is stopped', async (t) => {
    const { stage, broker } = await staged(t);
    await stopped(broker);
    for (const args of [
      ['-W', '300ms'],
      ['-W', '1s'],
      ['-W', '1600ms'],
      ['--wait', '-W', '1s'],
    ]) {
      const { code, stderr } = await stage.send([...args, 'x']);
      assert.equal(code, 124, `${args.join(' ')}: ${stderr}`);
      const isStopped = `No confirmation within \\d+ ms: the broker, process ${broker.pid}, is stopped`;
      assert.match(stderr, new RegExp(`${isStopped}\\. Continue it .*kill -CONT ${broker.pid}`));
    }
    const asked = await stage.sigmq(['ask', '-W', '300ms', 'x']).ended;
    assert.equal(asked.code, 124);
    assert.match(asked.stderr, /No reply within 300 ms: the broker, process \d+, is stopped/);
    broker.signal('SIGCONT');
  });

  it('ends the wait for a broker that never comes', async (t) => {
    const stage = new Stage(t);
    assert.equal((await stage.send(['--wait', '-W', '300ms', 'x'])).code, 124);
  });

  it('does not make a send wait that is done', async (t) => {
    const { stage } = await staged(t);
    await stage.sent(['-W', '20d', 'x']);
    await stage.sent(['-W', '20d', '-'], { stdin: 'x' });
  });
});

describe('send without --timeout', () => {
  it('gives up a broker that is stopped, as whatever asks it does, and says so', async (t) => {
    const { stage, broker } = await staged(t);
    await stopped(broker);
    const programs = [['send', 'x'], ['status'], ['consume', '-e'], ['consume', '-g', 'a', '-e']];
    for (const { ended } of programs.map((args) => stage.sigmq(args))) {
      const { code, stderr } = await ended;
      assert.equal(code, 75, stderr);
      assert.match(stderr, new RegExp(`rocess ${broker.pid},? is stopped and answers nobody`));
      assert.match(stderr, new RegExp(`kill -CONT ${broker.pid}`));
    }
    const early = stage.sigmq(['consume', '-g', 'a', '-c1']);
    await early.says(/cannot make the group now.*is stopped and answers nobody/);
    broker.signal('SIGCONT');
    await early.says('waits for messages');
    await stage.sent(['x']);
    assert.equal((await early.ended).stdout.toString(), 'x\n');
  });

  it('can be interrupted while it reads', async (t) => {
    const { stage } = await staged(t);
    const sending = stage.sigmq(['send', '--trace', '-f', openFifo(t, stage)]);
    sending.signal('SIGTERM');
    assert.equal((await sending.ended).signal, 'SIGTERM');
  });
});
