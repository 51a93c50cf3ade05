/** status, ls, peek, purge, dead, pause, resume, drain, stop, doctor, completion, man pages. */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DIST, Program, Stage } from './harness.ts';

async function staged(t: TestContext, args: readonly string[] = []) {
  const stage = new Stage(t);
  return { stage, broker: await stage.broker(args) };
}

const run = (stage: Stage, ...args: string[]) => stage.sigmq(args).ended;

async function out(stage: Stage, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(stage, ...args);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return stdout.toString();
}

describe('looking', () => {
  it('status tells of broker, queues and consumers; 69 without a broker', async (t) => {
    const { stage, broker } = await staged(t);
    const consumer = await stage.consumer(['-q', 'mail']);
    await stage.sent(['hello']);
    const text = await out(stage, 'status');
    for (const word of [String(broker.pid), String(consumer.pid), 'default', 'queue.db', 'up ']) {
      assert.ok(text.includes(word), `${word} in ${text}`);
    }
    const status = JSON.parse(await out(stage, 'status', '--json'));
    assert.deepEqual(
      [status.pid, status.queues[0].ready, status.consumers[0].pid],
      [broker.pid, 1, consumer.pid],
    );
    await broker.end();
    assert.equal((await run(stage, 'status')).code, 69);
  });

  it('ls and peek work with a broker, and on its store without one', async (t) => {
    const { stage, broker } = await staged(t);
    await stage.sent(['-H', 'k:v', 'bell \x07']);
    await stage.sent(['--delay', '1h', 'second']);
    const look = async () => [await out(stage, 'ls'), await out(stage, 'peek', '-c', '5')];
    const before = await look();
    assert.match(before[0] ?? '', /default +1 +1 +0 +0/);
    assert.match(before[1] ?? '', /bell \\x07/);
    await broker.end();
    assert.deepEqual(await look(), before);
    const only = await out(stage, 'peek', '--state', 'delayed', '--json');
    assert.equal(Buffer.from(JSON.parse(only).body, 'base64').toString(), 'second');
  });

  it('gives 69 where there is neither broker nor store', async (t) => {
    const stage = new Stage(t);
    for (const command of ['ls', 'peek', 'status', 'stop']) {
      assert.equal((await run(stage, command)).code, 69, command);
    }
  });
});

describe('changing', () => {
  it('purge needs --force where there is no terminal, and asks at one', async (t) => {
    const { stage } = await staged(t, ['--memory']);
    await stage.sent(['a']);
    assert.equal((await run(stage, 'purge')).code, 64);
    const env = { SIGMQ_DIR: stage.dir };
    const command = `${process.execPath} ${join(DIST, 'bin/sigmq.js')} purge`;
    const no = await new Program(t, 'script', ['-qec', command, '/dev/null'], { env, stdin: 'n\n' })
      .ended;
    assert.match(no.stdout.toString(), /\[y\/N\]/);
    assert.match(await out(stage, 'ls'), /default +1/);
    assert.equal(await out(stage, 'purge', '--force'), '1 removed\n');
  });

  it('dead rm removes those that are named', async (t) => {
    const { stage } = await staged(t, ['--memory', '--max-attempts', '1']);
    await stage.sent(['--lines'], { stdin: 'a\nb\n' });
    await run(stage, 'consume', '-c2', '--quiet', '--', 'false');
    const ids = (await out(stage, 'dead', 'ls', '--json'))
      .trim()
      .split('\n')
      .map((line) => String(JSON.parse(line).id));
    assert.equal(ids.length, 2);
    assert.equal(await out(stage, 'dead', 'rm', '--force', ids[0] ?? ''), '1 removed\n');
    assert.equal((await run(stage, 'dead', 'show', ids[0] ?? '')).code, 1);
    assert.equal(await out(stage, 'dead', 'show', ids[1] ?? ''), 'b');
    assert.equal((await run(stage, 'dead', 'show', 'x')).code, 64);
  });

  it('pause holds a queue, resume lets it go', async (t) => {
    const { stage } = await staged(t, ['--memory']);
    await out(stage, 'pause');
    await stage.sent(['held']);
    assert.equal((await run(stage, 'consume', '-e', '-c1')).code, 75);
    assert.match(await out(stage, 'ls'), /paused/);
    await out(stage, 'resume');
    assert.equal((await run(stage, 'consume', '-c1')).stdout.toString(), 'held\n');
  });

  it('stop and drain end the broker with 0', async (t) => {
    const { stage, broker } = await staged(t, ['--memory']);
    await out(stage, 'stop');
    assert.equal((await broker.ended).code, 0);
    const other = await stage.broker(['--memory']);
    await out(stage, 'drain');
    assert.equal((await other.ended).code, 0);
  });
});

describe('doctor', () => {
  it('finds what a dead broker and dead consumers left, and cleans it', async (t) => {
    const { stage, broker } = await staged(t);
    assert.match(await out(stage, 'doctor'), new RegExp(`A broker runs: ${broker.pid}`));
    broker.signal('SIGKILL');
    await broker.ended;
    const consumer = await stage.consumer();
    consumer.signal('SIGKILL');
    await consumer.ended;
    appendFileSync(stage.path('consumers.txt'), 'junk\n');
    const found = await out(stage, 'doctor');
    assert.match(found, /does not run any more/);
    assert.match(found, /1 lines of dead consumers/);
    assert.match(found, /1 lines that name no process/);
    assert.match(found, /A flush to the disk takes/);
    await out(stage, 'doctor', '--clean');
    assert.ok(!existsSync(stage.path('broker.pid')));
    assert.equal(stage.read('consumers.txt'), 'junk\n');
  });

  it('says when sigmq is but a plain peer, and why, with 1', async (t) => {
    const stage = new Stage(t, { SIGMQ_PLAIN: '1' });
    const { code, stdout } = await run(stage, 'doctor');
    assert.equal(code, 1);
    assert.match(stdout.toString(), /plain peer.*SIGMQ_PLAIN/s);
  });
});

describe('completion', () => {
  it('completes commands and options in bash', async (t) => {
    const stage = new Stage(t);
    const script = await out(stage, 'completion', 'bash');
    const ask = `${script}
      COMP_WORDS=(sigmq dead k); COMP_CWORD=2; _sigmq; echo "\${COMPREPLY[*]}"
      COMP_WORDS=(sigmq send --pri); COMP_CWORD=2; _sigmq; echo "\${COMPREPLY[*]}"
      COMP_WORDS=(sigmq co); COMP_CWORD=1; _sigmq; echo "\${COMPREPLY[*]}"`;
    const { stdout } = await new Program(t, 'bash', ['-c', ask]).ended;
    assert.equal(stdout.toString(), 'kick\n--priority\nconsume completion\n');
  });

  it('is there for zsh and fish, and for no other', async (t) => {
    const stage = new Stage(t);
    assert.match(await out(stage, 'completion', 'zsh'), /bashcompinit/);
    assert.match(await out(stage, 'completion', 'fish'), /complete -c sigmq .* -l priority/);
    assert.equal((await run(stage, 'completion', 'ksh')).code, 64);
  });
});

describe('man pages', () => {
  it('name every option of their command and every exit code', async (t) => {
    const stage = new Stage(t);
    for (const name of ['broker', 'consume', 'send']) {
      const page = readFileSync(join(DIST, 'man', `sigmq-${name}.1`), 'utf8').replaceAll(
        '\\-',
        '-',
      );
      const help = await out(stage, name, '--help');
      for (const [option] of help.matchAll(/--[a-z-]+/g)) {
        if (option !== '--help') assert.ok(page.includes(option), `${option} in sigmq-${name}(1)`);
      }
      for (const code of [0, 1, 64, 65, 69, 70, 73, 75, 77, 78, 124, '126, 127', '128+n']) {
        assert.ok(page.includes(`.B ${code}\n`), `${code} in sigmq-${name}(1)`);
      }
    }
  });
});
