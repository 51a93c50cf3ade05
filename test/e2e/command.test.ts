/** What a command of `consume -- CMD` gets, and what becomes of its message when it ends. */
import assert from 'node:assert/strict';
import { chmodSync, closeSync, copyFileSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
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

/** Of the first message of the default queue. */
async function firstOf(t: TestContext, stage: Stage) {
  const inspector = await Inspector.open({ dir: stage.dir });
  t.after(() => inspector.close());
  return async () => (await inspector.peek('default'))[0];
}

describe('the input of a command', () => {
  it('is no socket: it can be opened again, and bash reads no startup file', async (t) => {
    const stage = await staged(t);
    await stage.sent(['the body']);
    const opened = await consume(stage, ['-c1', '--', 'sh', '-c', 'cat /dev/stdin; cat; wc -c']);
    assert.equal(opened.stdout.toString(), 'the bodythe body0\n');
    mkdirSync(stage.path('home'));
    writeFileSync(stage.path('home/.bashrc'), 'echo READ-BASHRC\n');
    await stage.sent(['again']);
    // Without SHLVL bash may take itself for one that rshd has started (bash(1), INVOCATION).
    const bash = ['-c1', '--', 'env', '-u', 'SHLVL', 'bash', '-c', 'cat'];
    const { stdout } = await consume(stage, bash, { env: { HOME: stage.path('home') } });
    assert.equal(stdout.toString(), 'again');
  });

  it('may be as large as a message', async (t) => {
    const stage = await staged(t);
    await stage.sent(['-'], { stdin: 'x'.repeat(60_000) });
    const { stdout } = await consume(stage, ['-c1', '--', 'wc', '-c']);
    assert.equal(stdout.toString().trim(), '60000');
  });
});

describe('the environment of a command', () => {
  it('does not steer a `sigmq send` in it, and has nothing of another message', async (t) => {
    const stage = await staged(t);
    await stage.sent(['-q', 'jobs', '-H', 'kind:new', 'job']);
    const script = `cat >/dev/null; env | grep ^SIGMQ_ | grep -v _DIR= | sort; "$@" send report`;
    const { stdout, code } = await consume(
      stage,
      ['-q', 'jobs', '-c1', '--', 'sh', '-c', script, 'sh', process.execPath, SIGMQ],
      { env: { SIGMQ_ID: '99', SIGMQ_HEADER_OLD: 'x', SIGMQ_MESSAGE_HEADER_OLD: 'x' } },
    );
    assert.equal(code, 0);
    assert.deepEqual(stdout.toString().trim().split('\n'), [
      'SIGMQ_ATTEMPT=1',
      'SIGMQ_ID=1',
      'SIGMQ_MESSAGE_ATTEMPT=1',
      'SIGMQ_MESSAGE_HEADER_KIND=new',
      'SIGMQ_MESSAGE_ID=1',
      'SIGMQ_MESSAGE_QUEUE=jobs',
      'SIGMQ_MESSAGE_RELEASES=0',
    ]);
    const inspector = await Inspector.open({ dir: stage.dir });
    t.after(() => inspector.close());
    assert.equal((await inspector.peek('default'))[0]?.body.toString(), 'report');
  });

  it('has the limits of the caller, not those that Node raises', async (t) => {
    const stage = await staged(t);
    await stage.sent(['x']);
    // Two commands, so that the shell stays the parent.
    const script = `ulimit -S -n 300; "$@" consume -c1 --quiet -- sh -c 'ulimit -S -n'; ulimit -S -n`;
    const args = ['-c', script, 'sh', process.execPath, SIGMQ];
    const { stdout } = await new Program(t, 'sh', args, { env: { SIGMQ_DIR: stage.dir } }).ended;
    assert.equal(stdout.toString(), '300\n300\n');
  });

  it('of headers given twice has the first, as --json and %h', async (t) => {
    const stage = await staged(t);
    const headers = ['-H', 'kind:first', '-H', 'KIND:second'];
    await stage.sent([...headers, 'x']);
    const variable = await consume(stage, ['-c1', '--', 'printenv', 'SIGMQ_MESSAGE_HEADER_KIND']);
    await stage.sent([...headers, 'x']);
    const format = await consume(stage, ['-c1', '-F', '%h{Kind}\\n']);
    await stage.sent([...headers, 'x']);
    const json = await consume(stage, ['-c1', '--json']);
    assert.equal(variable.stdout.toString(), 'first\n');
    assert.equal(format.stdout.toString(), 'first\n');
    assert.deepEqual(JSON.parse(json.stdout.toString()).headers, { kind: 'first' });
  });
});

describe('a command that', () => {
  it('ends with 127 or 126 has failed; its consumer goes on', async (t) => {
    const stage = await staged(t, ['--memory', '--backoff', '1h']);
    for (const body of ['no-such-tool', '/dev/null', 'true']) await stage.sent([body]);
    const consumer = await stage.consumer(['--', 'sh', '-c', 'read -r x; $x && echo did $x']);
    assert.deepEqual(await consumer.printed(1), ['did true']);
    assert.match(consumer.stderr, /sh ended with 127\./);
    assert.match(consumer.stderr, /sh ended with 126\./);
    const inspector = await Inspector.open({ dir: stage.dir });
    t.after(() => inspector.close());
    const failed = await inspector.peek('default');
    assert.deepEqual(
      failed.map(({ state, attempt }) => [state, attempt]),
      [
        ['delayed', 2],
        ['delayed', 2],
      ],
    );
  });

  it('is not there, or is none, ends the consumer with its name and the reason', async (t) => {
    const stage = await staged(t);
    await stage.sent(['x']);
    const missing = await consume(stage, ['-j', '4', '--', 'nosuchcommand']);
    assert.equal(missing.code, 127);
    assert.equal(missing.stderr.match(/nosuchcommand was not found/g)?.length, 1);
    writeFileSync(stage.path('plain'), 'no program');
    const plain = await consume(stage, ['--quiet', '--', stage.path('plain')]);
    assert.equal(plain.code, 126);
    assert.match(plain.stderr, /plain cannot be started: it is not executable/);
    const { stdout } = await consume(stage, ['-c1', '-F', '%a %p\\n']);
    assert.equal(stdout.toString(), '1 x\n');
  });

  it('is being written is tried again until it is there', async (t) => {
    const stage = await staged(t);
    copyFileSync('/bin/cat', stage.path('tool'));
    chmodSync(stage.path('tool'), 0o755);
    const writer = openSync(stage.path('tool'), 'r+');
    const consumer = await stage.consumer(['--', stage.path('tool')]);
    await stage.sent(['patience\n']);
    await consumer.says(/cannot be started at the moment \(ETXTBSY\)/);
    closeSync(writer);
    assert.deepEqual(await consumer.printed(1), ['patience']);
    const first = await firstOf(t, stage);
    await until('its end', async () => (await first()) === undefined);
  });

  it('takes longer than --job-timeout is ended, and has failed', async (t) => {
    const stage = await staged(t, ['--memory', '--backoff', '1h']);
    await stage.sent(['x']);
    const script = 'echo $$; sleep 600 & wait';
    const consumer = await stage.consumer(['--job-timeout', '300ms', '--', 'sh', '-c', script]);
    await consumer.says('sh took longer than 300 ms (--job-timeout) and was ended.');
    const first = await firstOf(t, stage);
    await until('the failure', async () => (await first())?.state === 'delayed');
    assert.equal((await first())?.attempt, 2);
    assert.ok(consumer.lives);
  });

  it('dies of the signal that stops its consumer has not failed', async (t) => {
    const stage = await staged(t, ['--memory', '--max-attempts', '1']);
    await stage.sent(['x']);
    const first = await firstOf(t, stage);
    for (const isCommandFirst of [true, false]) {
      for (const script of [
        'echo $$; exec sleep 600',
        'sh -c "echo \\$\\$; exec sleep 600"; exit $?',
      ]) {
        const consumer = await stage.consumer(['--', 'sh', '-c', script]);
        const [command = ''] = await consumer.printed(1);
        const stop = [
          () => process.kill(Number(command), 'SIGTERM'),
          () => consumer.signal('SIGTERM'),
        ];
        for (const act of isCommandFirst ? stop : stop.reverse()) act();
        assert.equal((await consumer.ended).code, 0);
        await until('the message to be back', async () => (await first())?.state === 'ready');
        assert.equal((await first())?.attempt, 1);
      }
    }
  });

  it('is given takes no option about printing; without one there is no --job-timeout', async (t) => {
    const stage = new Stage(t);
    for (const option of [['--json'], ['--raw'], ['--null'], ['--format', '%p']]) {
      const { code, stderr } = await consume(stage, [...option, '--', 'cat']);
      assert.equal(code, 64, option.join(' '));
      assert.match(stderr, new RegExp(`${option[0]} says how to print`));
    }
    assert.equal((await consume(stage, ['--job-timeout', '1s'])).code, 64);
  });

  it('is given does without what the configuration file says of printing', async (t) => {
    const stage = await staged(t);
    mkdirSync(stage.path('config/sigmq'), { recursive: true });
    writeFileSync(stage.path('config/sigmq/config.json'), '{"consume": {"json": true}}');
    const env = { XDG_CONFIG_HOME: stage.path('config') };
    await stage.sent(['--lines'], { stdin: 'a\nb\n' });
    const command = await consume(stage, ['-c1', '--', 'cat'], { env });
    assert.deepEqual([command.code, command.stdout.toString()], [0, 'a']);
    const raw = await consume(stage, ['-c1', '--raw'], { env });
    assert.deepEqual([raw.code, raw.stdout.toString()], [0, 'b']);
  });
});
