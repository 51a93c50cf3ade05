/** Every option of `sigmq send`, the broker's log, and what holds for all commands. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DIST, Program, Stage, until } from './harness.ts';

async function staged(t: TestContext) {
  const stage = new Stage(t);
  await stage.broker(['--memory']);
  return stage;
}

describe('send', () => {
  it('-0 sends what stands between zero bytes', async (t) => {
    const stage = await staged(t);
    const { code, stderr } = await stage.send(['-0'], { stdin: 'a\nb\0\0c' });
    assert.equal(code, 0);
    assert.match(stderr, /skipped 1 empty message\./);
    const { stdout } = await stage.sigmq(['consume', '-c2', '--json']).ended;
    const bodies = stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).body);
    assert.deepEqual(bodies, ['a\nb', 'c']);
  });

  it('--quiet says nothing of what it skips', async (t) => {
    const stage = await staged(t);
    assert.equal((await stage.send(['-l', '--quiet'], { stdin: 'a\n\n' })).stderr, '');
  });

  it('--json prints id, queue and bytes', async (t) => {
    const stage = await staged(t);
    const { stdout } = await stage.send(['--json', '-q', 'mail', '-l'], { stdin: 'größer\nb\n' });
    const told = stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const got = await stage.sigmq(['consume', '-q', 'mail', '-c2', '-F', '%i %l\\n']).ended;
    assert.equal(got.stdout.toString(), told.map(({ id, bytes }) => `${id} ${bytes}\n`).join(''));
    assert.deepEqual(
      told.map(({ queue, bytes }) => [queue, bytes]),
      [
        ['mail', 8],
        ['mail', 1],
      ],
    );
  });

  it('--trace shows each bit, its signal and its echo', async (t) => {
    const stage = await staged(t);
    const { stdout } = await stage.send(['--trace', 'A']);
    const line = stdout
      .toString()
      .split('\n')
      .find((one) => one.startsWith('"A"'));
    assert.match(
      line ?? '',
      /0x41 {2}1 0 0 0 0 0 1 0 {2}USR2 USR1 USR1 USR1 USR1 USR1 USR2 USR1 {2}={8}$/,
    );
  });

  it('--trace marks the bit that was refused', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory', '--max-messages', '1']);
    await stage.sent(['x']);
    const { code, stdout } = await stage.send(['--trace', 'A']);
    assert.equal(code, 75);
    assert.match(stdout.toString(), /^end .*={7}!$/m);
  });

  it('reads standard input when no message is given and it is no terminal', async (t) => {
    const stage = await staged(t);
    await stage.sent([], { stdin: 'from a pipe' });
    const { stdout } = await stage.sigmq(['consume', '-c1']).ended;
    assert.equal(stdout.toString(), 'from a pipe\n');
  });

  it('helps, with 64, when no message is given at a terminal', async (t) => {
    const stage = await staged(t);
    const env = { SIGMQ_DIR: stage.dir };
    const command = `${process.execPath} ${join(DIST, 'bin/sigmq.js')} send`;
    const { code, stdout } = await new Program(t, 'script', ['-qec', command, '/dev/null'], { env })
      .ended;
    assert.equal(code, 64);
    assert.match(stdout.toString(), /Usage: sigmq send/);
  });

  it('shows its progress on a terminal when it takes long, and nothing in a pipe', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory']);
    writeFileSync(stage.path('body'), randomBytes(60_000)); // it cannot be packed
    const env = { SIGMQ_DIR: stage.dir, TERM: 'xterm' };
    const command = `${process.execPath} ${join(DIST, 'bin/sigmq.js')} send -f ${stage.path('body')}`;
    const { stdout } = await new Program(t, 'script', ['-qec', command, '/dev/null'], { env })
      .ended;
    assert.match(stdout.toString(), /sending .*%/);
    const piped = await stage.send(['-f', stage.path('body')]);
    assert.deepEqual([piped.code, piped.stderr], [0, '']);
  });

  it('writes nothing between the lines that somebody types', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory']);
    const consumer = await stage.consumer();
    const env = { SIGMQ_DIR: stage.dir, TERM: 'xterm' };
    const command = `${process.execPath} ${join(DIST, 'bin/sigmq.js')} send --lines -`;
    const args = ['-qec', command, '/dev/null'];
    const typing = new Program(t, 'script', args, { env, stdin: 'open' });
    const began = Date.now();
    // For longer than what is read from a pipe would show no progress.
    for (let count = 1; Date.now() - began < 2000; count++) {
      typing.child.stdin?.write('a\r');
      await consumer.printed(count);
    }
    typing.child.stdin?.write('\x04');
    const { code, stdout } = await typing.ended;
    assert.equal(code, 0);
    assert.match(stdout.toString(), /^(a\r\n)+$/);
  });

  it('interrupted between two lines says how many are safe', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory']);
    const consumer = await stage.consumer();
    const send = stage.sigmq(['send', '--lines'], { stdin: 'open' });
    send.child.stdin?.write('a\nb\nc\n');
    await consumer.printed(3);
    // Printed comes before told: the answer to the last line may still be on its way.
    send.child.stdin?.write('d\n');
    await consumer.printed(4);
    send.signal('SIGINT');
    const { signal, stderr } = await send.ended;
    assert.equal(signal, 'SIGINT');
    assert.match(stderr, /^sigmq: [34] lines were confirmed before this\.$/m);
  });

  it('can be interrupted at any time, however short its frames are', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory']);
    // All of it is read at once, and nobody else wants the bus: nothing but the signals waits for anything.
    const lines = 30_000;
    const send = stage.sigmq(['send', '--lines'], { stdin: 'x\n'.repeat(lines) });
    await until('the first lines', async () =>
      (await stage.sigmq(['ls']).ended).stdout.toString().includes('default'),
    );
    send.signal('SIGINT');
    const { signal, stderr } = await send.ended;
    assert.equal(signal, 'SIGINT');
    const confirmed = Number(/(\d+) lines were confirmed/.exec(stderr)?.[1]);
    assert.ok(confirmed > 0 && confirmed < lines, stderr);
  });

  it('refuses two sources, empty messages and missing files', async (t) => {
    const stage = await staged(t);
    const cases: [string[], number][] = [
      [['-f', 'x', 'y'], 64],
      [['-l', 'y'], 64],
      [['-l', '-0'], 64],
      [['-H', 'no colon', 'x'], 64],
      [[''], 65],
      [['-f', '/no/such/file'], 65],
    ];
    for (const [args, expected] of cases) {
      const { code, stderr } = await stage.send(args);
      assert.equal(code, expected, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, /^(sigmq|error): .+/);
    }
  });
});

describe('every command', () => {
  it('suggests the nearest command and option, with 64', async (t) => {
    const stage = new Stage(t);
    const typo = await stage.sigmq(['sned', 'x']).ended;
    assert.equal(typo.code, 64);
    assert.match(typo.stderr, /Did you mean send\?/);
    const option = await stage.sigmq(['send', '--qeue', 'x', 'y']).ended;
    assert.equal(option.code, 64);
    assert.match(option.stderr, /Did you mean --queue\?/);
  });

  it('takes options from flags, then the environment, then the configuration file', async (t) => {
    const stage = await staged(t);
    const config = stage.path('config/sigmq');
    mkdirSync(config, { recursive: true });
    const queues = { queue: 'general', send: { queue: 'from-file', priority: 3 } };
    writeFileSync(join(config, 'config.json'), JSON.stringify(queues));
    const env = { XDG_CONFIG_HOME: stage.path('config') };
    await stage.sent(['a'], { env });
    await stage.sent(['b'], { env: { ...env, SIGMQ_QUEUE: 'from-env' } });
    await stage.sent(['-q', 'from-flag', 'c'], { env: { ...env, SIGMQ_QUEUE: 'from-env' } });
    const { stdout } = await stage.sigmq(['ls', '--json']).ended;
    const names = stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).queue);
    assert.deepEqual(names, ['from-env', 'from-file', 'from-flag']);
    const peek = await stage.sigmq(['peek', 'from-file', '--json']).ended;
    assert.equal(JSON.parse(peek.stdout.toString()).priority, 3);
  });

  it('refuses a broken configuration file with 78', async (t) => {
    const stage = new Stage(t);
    mkdirSync(stage.path('config/sigmq'), { recursive: true });
    const env = { XDG_CONFIG_HOME: stage.path('config') };
    for (const text of ['{', '[]', '{"priority": "high"}', '{"lines": 3}']) {
      writeFileSync(stage.path('config/sigmq/config.json'), text);
      const { code, stderr } = await stage.send(['x'], { env });
      assert.equal(code, 78, `${text}: ${stderr}`);
      assert.match(stderr, /config\.json/);
    }
  });

  it('has help and a version', async (t) => {
    const stage = new Stage(t);
    for (const program of ['sigmq', 'sigmq-broker', 'sigmq-consumer', 'sigmq-producer']) {
      const help = await stage.program(program, ['--help']).ended;
      assert.equal(help.code, 0);
      assert.match(help.stdout.toString(), /^Usage: /);
      const version = await stage.program(program, ['--version']).ended;
      assert.match(version.stdout.toString(), /^\d+\.\d+\.\d+\n$/);
    }
  });
});

describe('the log of the broker', () => {
  it('is sentences, or JSON, from a level up', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker(['--memory', '--log-format', 'json']);
    for (const line of broker.stderr.trim().split('\n')) {
      const { level, message, time } = JSON.parse(line);
      assert.equal(level, 'info');
      assert.ok(message && !Number.isNaN(Date.parse(time)));
    }
    await broker.end();
    const quiet = stage.sigmq(['broker', '--memory', '--log-level', 'error']);
    await stage.sent(['--wait', 'x']);
    assert.equal((await quiet.end()).stderr, '');
  });
});
