/** One command for many messages. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Consumer } from '../../src/client/consumer.ts';
import type { Message } from '../../src/client/message.ts';
import { Stage, until } from './harness.ts';

const join = 'echo "$(tr "\\n" " ")"';
const batch = (n: number, script: string, more: readonly string[] = []) => [
  ...[`--batch=${n}`, ...more, '--', 'sh', '-c', script],
];
const lines = (count: number) => Array.from({ length: count }, (_, n) => n + 1).join('\n');

describe('consume --batch', () => {
  it('deals in turn, and runs a command when there are enough, or they have waited', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const workers = [
      await stage.consumer(batch(3, join, ['--linger=1h'])),
      await stage.consumer(batch(3, join, ['--linger=1h'])),
    ];
    await until('the broker knows both', async () => {
      const { stdout } = await stage.sigmq(['status', '--json']).ended;
      return JSON.parse(stdout.toString()).consumers.length === 2;
    });
    await stage.sent(['--lines'], { stdin: lines(6) });
    const printed = await Promise.all(workers.map((worker) => worker.printed(1)));
    assert.deepEqual(printed.flat().sort(), ['1 3 5 ', '2 4 6 ']);
    const soon = await stage.consumer(batch(100, join, ['-q', 'soon', '--linger=50ms']));
    await stage.sent(['-q', 'soon', 'alone']);
    assert.deepEqual(await soon.printed(1), ['alone ']);
  });

  it('settles all of a batch or none, and what is lingering goes back at the end', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--max-attempts', '2', '--backoff', '1ms']);
    await stage.sent(['--lines'], { stdin: lines(5) });
    const ended = await stage.sigmq([
      ...['consume', '-c4', ...batch(2, `${join}; [ "$SIGMQ_MESSAGE_IDS" != "3 4" ]`)],
    ]).ended;
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, /ended with 1/);
    assert.equal(ended.stderr.match(/ended with 1/g)?.length, 1, 'once for the batch');
    const lingering = await stage.consumer(batch(9, join, ['--linger=1h']));
    await until('all are held', async () => {
      const { stdout } = await stage.sigmq(['ls', '--json']).ended;
      return /"ready":0,"delayed":0,"reserved":3/.test(stdout.toString());
    });
    lingering.signal('SIGTERM');
    const { code, stdout } = await lingering.ended;
    assert.deepEqual([code, stdout.toString()], [0, '']);
    const last = await stage.sigmq(['consume', '-e', ...batch(9, join, ['--linger=0s'])]).ended;
    assert.deepEqual(last.stdout.toString().trim().split(/\s+/).sort(), ['3', '4', '5']);
  });

  it('gives all of a batch to others when its consumer is killed', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const go = stage.path('go');
    const script = `echo "$SIGMQ_MESSAGE_COUNT" >&2; while [ ! -e ${go} ]; do sleep 0.05; done; ${join}`;
    const first = await stage.consumer(batch(3, script));
    await stage.sent(['--lines'], { stdin: lines(3) });
    await first.says(/^3$/m);
    first.signal('SIGKILL');
    writeFileSync(go, ''); // its command lives on, and would hold our pipes
    const second = await stage.consumer(batch(3, join));
    assert.deepEqual(await second.printed(1), ['1 2 3 ']);
  });

  it('settles what the command names', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--max-attempts', '1']);
    await stage.sent(['--lines'], { stdin: lines(4) });
    const script = 'while read -r id body; do [ "$body" = 3 ] || echo "$id"; done; echo working';
    const { code, stderr } = await stage.sigmq([
      ...['consume', '-c4', ...batch(4, script, ['--partial'])],
    ]).ended;
    assert.equal(code, 0);
    assert.match(stderr, /printed "working"/);
    const { stdout } = await stage.sigmq(['dead', 'ls', '--json']).ended;
    assert.deepEqual(
      stdout
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).id),
      [3],
    );
  });

  it('gives records that end in a zero byte, if asked to, and says what does not fit', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    await stage.sent(['-'], { stdin: 'a\nb' });
    await stage.sent(['c']);
    const lines = await stage.sigmq(['consume', '-c2', ...batch(2, join)]).ended;
    assert.match(lines.stderr, /Message 1 contains a newline.*--null/);
    assert.equal(lines.stdout.toString(), 'c \n');
    const script = 'tr "\\n\\0" "+|"';
    const nul = await stage.sigmq(['consume', '-c1', '-0', ...batch(2, script)]).ended;
    assert.equal(nul.stdout.toString(), 'a+b|');
  });
});

describe('consumer.batches()', () => {
  it('gives messages several at a time, and back what nobody has settled', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--max-attempts', '1']);
    const consumer = await Consumer.open({ dir: stage.dir, jobs: 3 });
    t.after(() => consumer.close());
    assert.throws(() => consumer.batches({ size: 4 }), { code: 'bad-number' });
    await stage.sent(['--lines'], { stdin: lines(7) });
    const texts = (batch: readonly Message[]) => batch.map((message) => message.text()).join();
    const seen: string[] = [];
    for await (const batch of consumer.batches({ lingerMs: 60_000 })) {
      seen.push(texts(batch));
      if (seen.length === 3) break;
      if (seen.length === 2) await batch[0]?.fail();
      await Promise.all(batch.map((message) => message.done()));
      if (seen.length === 2) void stage.sent(['--lines'], { stdin: '8\n9\n10' });
    }
    assert.deepEqual(seen, ['1,2,3', '4,5,6', '7,8,9']);
    const dead = await stage.sigmq(['dead', 'ls', '--json']).ended;
    const ids = dead.stdout.toString().trim().split('\n');
    assert.deepEqual(
      ids.map((line) => JSON.parse(line).id),
      [4, 7, 8, 9],
    );
    const rest = await stage.sigmq(['consume', '-c1']).ended;
    assert.equal(rest.stdout.toString(), '10\n');
  });
});
