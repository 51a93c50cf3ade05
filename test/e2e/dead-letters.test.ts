/** Why messages failed, where they go when they are dead, and what is set for a queue. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Producer } from '../../src/client/producer.ts';
import { Stage, until } from './harness.ts';

const sh = ['--', 'sh', '-c'];

describe('dead letters', () => {
  it('say why each attempt failed: exit code, and what the command said last', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--backoff', '0s']);
    await stage.sent(['--max-attempts', '2', 'first']);
    const script = 'printf "boom \\033[31m\\377\\n" >/dev/stderr; exit 3';
    const worker = await stage.consumer([...sh, script]);
    await until('it is dead', async () =>
      (await stage.sigmq(['ls']).ended).stdout.toString().includes('1\n'),
    );
    await worker.end();
    assert.ok(worker.stderr.includes('boom \u001b[31m'), 'what it says goes on unchanged');
    const { stdout } = await stage.sigmq(['dead', 'show']).ended;
    const shown = stdout.toString();
    assert.equal([...shown.matchAll(/^failure +attempt [12] failed, .* consumer /gm)].length, 2);
    assert.equal([...shown.matchAll(/^ +sh ended with 3\.\n +boom \\x1b\[31m\ufffd$/gm)].length, 2);
    assert.match(shown, /\n\nfirst\n$/);
    const json = (await stage.sigmq(['dead', 'show', '--json', '1']).ended).stdout.toString();
    const [failure] = JSON.parse(json).failures;
    assert.deepEqual([failure.attempt, failure.pid], [1, worker.pid]);
    assert.ok(!json.includes('\u001b'));
    const bytes = await stage.sigmq(['dead', 'show', '--body', '1']).ended;
    assert.equal(bytes.stdout.toString(), 'first');
  });

  it('go on to another queue, and one queue fills nothing but itself', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    const set = async (...args: string[]) => (await stage.sigmq(['queue', ...args]).ended).code;
    assert.equal(await set('set', 'mail', '--dead-to', 'parked', '--max-messages', '1'), 0);
    assert.equal(await set('set', 'parked', '--dead-to', 'mail'), 64);
    assert.equal(await set('set', 'mail', '--rate', '10'), 64);
    assert.equal(await set('set', 'mail'), 64);
    await broker.end();
    await stage.broker();
    const long = await stage.sigmq(['ls', '-l']).ended;
    assert.match(long.stdout.toString(), /^mail .* --max-messages 1 --dead-to parked$/m);
    await stage.sent(['-q', 'mail', 'poison']);
    const full = await stage.send(['-q', 'mail', 'more']);
    assert.deepEqual([full.code, /queue mail, is full/.test(full.stderr)], [75, true]);
    await stage.sent(['-q', 'other', 'is taken']);
    await stage.sigmq(['consume', '-q', 'mail', '-c1', '--quiet', ...sh, 'exit 65']).ended;
    const parked = await stage.consumer([
      '-q',
      'parked',
      '--format',
      '%h{x-last-death-reason} %p\\n',
    ]);
    assert.deepEqual(await parked.printed(1), ['rejected poison']);
    assert.equal((await stage.send(['-q', 'mail', 'more'])).code, 0);
    assert.equal(await set('unset', 'mail'), 0);
    assert.doesNotMatch((await stage.sigmq(['ls', '-l']).ended).stdout.toString(), /--/);
  });
});

describe('a queue with a rate', () => {
  it('gives all it has, and keeps back nothing of the others', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory']);
    const producer = await Producer.open({ dir: stage.dir });
    t.after(() => producer.close());
    const worker = await stage.consumer(['-q', 'slow,quick']);
    const look = await stage.sigmq(['queue', 'set', 'slow', '--rate', '20/s']).ended;
    assert.equal(look.code, 0);
    const slow = Array.from({ length: 6 }, (_, n) => `slow ${n}`);
    await producer.sendAll(slow, { queue: 'slow', priority: 1 });
    await producer.sendAll(['quick 1', 'quick 2'], { queue: 'quick' });
    const printed = await worker.printed(8);
    assert.deepEqual(
      printed.filter((line) => line.startsWith('slow')),
      slow,
    );
    assert.notEqual(printed.at(-1), 'quick 2');
  });
});
