/** Every option of `sigmq consume`. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Inspector } from '../../src/client/inspector.ts';
import { DIST, Program, type RunOptions, Stage, until } from './harness.ts';

const SIGMQ = join(DIST, 'bin/sigmq.js');

async function staged(t: TestContext, args: readonly string[] = ['--memory']) {
  const stage = new Stage(t);
  await stage.broker(args);
  return stage;
}

const consume = (stage: Stage, args: readonly string[], options?: RunOptions) =>
  stage.sigmq(['consume', ...args], options).ended;

/** Runs a command in a terminal of its own (util-linux script), and gives what it would show. */
async function onTerminal(t: TestContext, stage: Stage, command: string): Promise<string> {
  const env = { SIGMQ_DIR: stage.dir, TERM: 'xterm' };
  const args = ['-q', '-e', '-c', command, '/dev/null'];
  const { stdout } = await new Program(t, 'script', args, { env }).ended;
  return stdout.toString();
}

describe('consume', () => {
  it('prints in each format', async (t) => {
    const stage = await staged(t);
    const cases: [string[], string | RegExp][] = [
      [[], 'größer\n'],
      [['--raw'], 'größer'],
      [['--null'], 'größer\0'],
      [['-0'], 'größer\0'],
      [['-F', '%q %a %l %h{K} %p%%\\n\\t\\0\\\\'], 'mail 1 8 v größer%\n\t\0\\'],
      [['-F', '%i %t\\n'], /^\d+ \d{4}-\d\d-\d\dT[\d:.]+Z\n$/],
    ];
    for (const [args, expected] of cases) {
      await stage.sent(['-q', 'mail', '-H', 'k: v', 'größer']);
      const { code, stdout } = await consume(stage, ['-q', 'mail', '-c1', ...args]);
      assert.equal(code, 0);
      if (typeof expected === 'string') assert.equal(stdout.toString(), expected);
      else assert.match(stdout.toString(), expected);
    }
  });

  it('prints JSON, base64 where it is not UTF-8', async (t) => {
    const stage = await staged(t);
    const bytes = Buffer.concat([Buffer.from([0xff, 0]), randomBytes(20)]);
    await stage.sent(['-H', 'k:v', 'line\n"two"']);
    await stage.sent(['-'], { stdin: bytes });
    const { stdout } = await consume(stage, ['-c2', '--json']);
    const [text, binary] = stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      [text.body, text.base64, text.headers, text.queue, text.attempt, text.bytes],
      ['line\n"two"', undefined, { k: 'v' }, 'default', 1, 10],
    );
    assert.ok(binary.base64 && Buffer.from(binary.body, 'base64').equals(bytes));
  });

  it('refuses two formats, and one that means nothing, with 64', async (t) => {
    const stage = new Stage(t);
    for (const args of [
      ['--raw', '--json'],
      ['-F', '%z'],
      ['-F', 'x\\'],
      ['-c', '0'],
      ['-j', 'x'],
    ]) {
      assert.equal((await consume(stage, args)).code, 64, args.join(' '));
    }
  });

  it('shows control characters escaped on a terminal, and nothing else changed', async (t) => {
    const stage = await staged(t);
    await stage.sent(['a\x1b[31m\x07\u202eb\tc']);
    const shown = await onTerminal(t, stage, `${process.execPath} ${SIGMQ} consume -c1 --quiet`);
    assert.ok(shown.includes('a\\x1b[31m\\x07\\u202eb\tc'), JSON.stringify(shown));
    assert.ok(!shown.includes('\x1b[31m'));
  });

  it('-c ends after so many and leaves the rest', async (t) => {
    const stage = await staged(t);
    await stage.sent(['--lines'], { stdin: 'a\nb\nc\n' });
    assert.equal((await consume(stage, ['-c2'])).stdout.toString(), 'a\nb\n');
    assert.equal((await consume(stage, ['-c1'])).stdout.toString(), 'c\n');
  });

  it('-e ends with 0 when nothing is ready, with 75 when --count is not reached, with 69 without a broker', async (t) => {
    const stage = await staged(t);
    assert.equal((await consume(stage, ['-e'])).code, 0);
    assert.equal((await consume(stage, ['-e', '-c1'])).code, 75);
    await stage.sent(['--lines'], { stdin: 'a\nb\n' });
    await stage.sent(['--delay', '1h', 'later']);
    await stage.sent(['-q', 'other', 'x']);
    const all = await consume(stage, ['-e']);
    assert.deepEqual([all.code, all.stdout.toString()], [0, 'a\nb\n']);
    const nobody = new Stage(t);
    assert.equal((await consume(nobody, ['-e'])).code, 69);
  });

  it('works in a shell loop as it reads', async (t) => {
    const stage = await staged(t);
    const loop = `
      for i in $(seq 5); do "$@" send "job $i"; done
      while m=$("$@" consume -c1 -e --quiet); do echo "$m"; done`;
    const env = { SIGMQ_DIR: stage.dir };
    const args = ['-c', loop, 'sh', process.execPath, SIGMQ];
    const { stdout } = await new Program(t, 'sh', args, { env }).ended;
    assert.equal(stdout.toString(), 'job 1\njob 2\njob 3\njob 4\njob 5\n');
  });

  it('-W ends with 124 when no message comes for so long', async (t) => {
    const stage = await staged(t);
    await stage.sent(['a']);
    const { code, stdout } = await consume(stage, ['-W', '300ms']);
    assert.deepEqual([code, stdout.toString()], [124, 'a\n']);
  });

  it('-W counts from the last signal of a message that is on its way', async (t) => {
    const stage = await staged(t);
    // Its transfer takes twice as long, at the best speed that was ever measured.
    const body = 'x'.repeat(40_000);
    await stage.sent(['--wait', '-'], { stdin: body });
    const { code, stdout } = await consume(stage, ['-c1', '-W', '400ms', '--raw']);
    assert.deepEqual([code, stdout.length], [0, body.length]);
  });

  it('takes its queue from the environment', async (t) => {
    const stage = await staged(t);
    await stage.sent(['x'], { env: { SIGMQ_QUEUE: 'one' } });
    await stage.sent(['-q', 'two', 'y']);
    const { stdout } = await consume(stage, ['-c2'], { env: { SIGMQ_QUEUE: 'one,two' } });
    assert.equal(stdout.toString(), 'x\ny\n');
  });

  it('ends quietly when its reader is gone, and gives back what it could not write', async (t) => {
    const stage = await staged(t);
    await stage.sent(['--lines'], {
      stdin: Array.from({ length: 50 }, (_, n) => `l${n}\n`).join(''),
    });
    const pipe = '"$@" consume --quiet | head -n1; "$@" consume -e --quiet';
    const env = { SIGMQ_DIR: stage.dir };
    const args = ['-c', pipe, 'sh', process.execPath, SIGMQ];
    const { stdout, stderr } = await new Program(t, 'sh', args, { env }).ended;
    assert.equal(stderr, '');
    const lines = stdout.toString().trim().split('\n');
    assert.equal(lines[0], 'l0');
    assert.equal(lines.at(-1), 'l49');
  });

  it('ends when it cannot register', async (t) => {
    const stage = await staged(t);
    mkdirSync(stage.path('consumers.txt'));
    const { code, stderr } = await consume(stage, []);
    assert.notEqual(code, 0);
    assert.match(stderr, /consumers\.txt/);
  });

  it('on a full device says so, and the message is not lost', async (t) => {
    const stage = await staged(t);
    await stage.sent(['precious']);
    const full = openSync('/dev/full', 'w');
    const { code, stderr } = await consume(stage, [], { stdout: full });
    closeSync(full);
    assert.equal(code, 1);
    assert.match(stderr, /ENOSPC/);
    assert.equal((await consume(stage, ['-c1'])).stdout.toString(), 'precious\n');
  });
});

describe('consume -- CMD', () => {
  it('gives the body on stdin, what it is in the environment, and signals as usual', async (t) => {
    const stage = await staged(t);
    await stage.sent(['-q', 'mail', '-H', 'content-type: text', 'the body']);
    const script =
      'cat; echo; echo "$SIGMQ_ID $SIGMQ_MESSAGE_QUEUE $SIGMQ_ATTEMPT $SIGMQ_MESSAGE_HEADER_CONTENT_TYPE"; grep -E "SigBlk|SigIgn" /proc/self/status';
    const { code, stdout } = await consume(stage, ['-q', 'mail', '-c1', '--', 'sh', '-c', script]);
    assert.equal(code, 0);
    const [body, variables, blocked] = stdout.toString().split('\n');
    assert.equal(body, 'the body');
    assert.match(variables ?? '', /^\d+ mail 1 text$/);
    assert.match(blocked ?? '', /^SigBlk:\t0+$/);
  });

  it('is run without a shell', async (t) => {
    const stage = await staged(t);
    await stage.sent(['x']);
    const { stdout } = await consume(stage, ['-c1', '--', 'echo', '$(id); `id` > /tmp/x']);
    assert.equal(stdout.toString(), '$(id); `id` > /tmp/x\n');
  });

  it('sends what fails through its attempts to the dead, and kick brings it back', async (t) => {
    const stage = await staged(t, ['--max-attempts', '2', '--backoff', '10ms']);
    await stage.sent(['this fails']);
    await stage.sent(['is ok']);
    const consumer = stage.sigmq(['consume', '--', 'sh', '-c', 'grep -q "is ok"']);
    const inspector = await Inspector.open({ dir: stage.dir });
    t.after(() => inspector.close());
    await until('the dead one', async () => (await inspector.counts())[0]?.dead === 1);
    await consumer.end();
    const list = await stage.sigmq(['dead', 'ls']).ended;
    assert.match(list.stdout.toString(), /dead .* this fails/);
    const id = /^\s*(\d+) /m.exec(list.stdout.toString())?.[1] ?? '';
    const shown = await stage.sigmq(['dead', 'show', id]).ended;
    assert.match(shown.stdout.toString(), /^failure +attempt 1 .*\n\nthis fails\n$/ms);
    assert.equal(
      (await stage.sigmq(['dead', 'kick', id]).ended).stdout.toString(),
      '1 ready again\n',
    );
    assert.equal((await consume(stage, ['-c1'])).stdout.toString(), 'this fails\n');
  });

  it('exit 65 makes it dead at once, 75 brings it again without spending an attempt', async (t) => {
    const stage = await staged(t);
    await stage.sent(['never']);
    const dead = stage.sigmq(['consume', '--', 'sh', '-c', 'exit 65']);
    const inspector = await Inspector.open({ dir: stage.dir });
    t.after(() => inspector.close());
    await until('the dead one', async () => (await inspector.counts())[0]?.dead === 1);
    await dead.end();
    await stage.sent(['later']);
    const script = 'echo "$SIGMQ_ATTEMPT"; test -e "$0" || { touch "$0"; exit 75; }';
    const args = ['-c', script, stage.path('tried')];
    const again = stage.sigmq(['consume', '--', 'sh', ...args]);
    assert.deepEqual(await again.printed(2), ['1', '1']);
  });

  it('exit 65 makes it dead also when the broker is killed before it hears of it', async (t) => {
    const stage = new Stage(t);
    const first = await stage.broker();
    const command = 'kill -9 $(cat "$SIGMQ_DIR/broker.pid"); echo "$SIGMQ_ATTEMPT"; exit 65';
    const consumer = await stage.consumer(['--', 'sh', '-c', command]);
    await stage.sent(['rejected']);
    await first.ended;
    await consumer.says('rejected it for good');
    await stage.broker();
    const dead = async () => (await stage.sigmq(['dead', 'ls']).ended).stdout.toString();
    await until('the message to be dead', async () => (await dead()).includes('rejected'));
    assert.deepEqual(await consumer.printed(1), ['1']);
    await stage.sigmq(['dead', 'kick']).ended;
    await consumer.printed(2);
  });

  it('that cannot be run ends the consumer with 127 or 126, and the message is given back', async (t) => {
    const stage = await staged(t);
    await stage.sent(['x']);
    assert.equal((await consume(stage, ['--', '/no/such/program'])).code, 127);
    writeFileSync(stage.path('plain'), 'no program');
    assert.equal((await consume(stage, ['--', stage.path('plain')])).code, 126);
    const { stdout } = await consume(stage, ['-c1', '-F', '%a %p\\n']);
    assert.equal(stdout.toString(), '1 x\n');
  });

  it('finishes what is in hand after one Ctrl-C, and ends at once after two', async (t) => {
    const stage = await staged(t);
    const script = 'echo started; while [ ! -e "$0" ]; do sleep 0.05; done; echo finished';
    const one = stage.sigmq(['consume', '--', 'sh', '-c', script, stage.path('go')]);
    await stage.sent(['x']);
    await one.printed(1);
    one.signal('SIGINT');
    writeFileSync(stage.path('go'), '');
    const { code, signal, stdout } = await one.ended;
    assert.deepEqual([code, signal, stdout.toString()], [null, 'SIGINT', 'started\nfinished\n']);

    const two = stage.sigmq(['consume', '--', 'sh', '-c', script, stage.path('never')]);
    await stage.sent(['y']);
    await two.printed(1);
    two.signal('SIGINT');
    await until(
      'the first to be taken',
      () => !readFileSync(stage.path('consumers.txt'), 'utf8').includes(`${two.pid} `),
    );
    two.signal('SIGINT');
    assert.equal((await two.ended).signal, 'SIGINT');
    const { stdout: again } = await consume(stage, ['-c1', '-F', '%a %p\\n']);
    assert.equal(again.toString(), '2 y\n');
  });

  it('runs several at once with --jobs', async (t) => {
    const stage = await staged(t);
    await stage.sent(['--lines'], { stdin: 'a\nb\nc\n' });
    const script = 'echo start; while [ ! -e "$0" ]; do sleep 0.05; done';
    const consumer = stage.sigmq([
      'consume',
      '-j',
      '2',
      '--',
      'sh',
      '-c',
      script,
      stage.path('go'),
    ]);
    await consumer.printed(2);
    assert.equal(consumer.lines.length, 2);
    writeFileSync(stage.path('go'), '');
    await consumer.printed(3);
    assert.equal((await consumer.end()).code, 0);
  });

  it('loses its message when it takes longer than --ack-wait', async (t) => {
    const stage = await staged(t);
    const slow = stage.sigmq([
      'consume',
      '--ack-wait',
      '200ms',
      '--',
      'sh',
      '-c',
      'echo; sleep 600',
    ]);
    await slow.says('waits');
    await stage.sent(['x']);
    await slow.printed(1);
    const { stdout } = await consume(stage, ['-c1', '-F', '%a\\n']);
    assert.equal(stdout.toString(), '2\n');
    slow.signal('SIGINT');
    await until('the first', () => !stage.read('consumers.txt').includes(`${slow.pid} `));
    slow.signal('SIGINT');
    await slow.ended;
  });
});
