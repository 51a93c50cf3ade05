/** What starts a broker and a consumer, and with what: nohup, cron, systemd, su, terminals that stall or close. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DIST, Program, Stage, until } from './harness.ts';

const SIGMQ = join(DIST, 'bin/sigmq.js');
const ready = (stage: Stage) => `until [ -s ${stage.path('consumers.txt')} ]; do sleep .05; done`;

describe('without a terminal', () => {
  it('SIGHUP ends neither broker nor consumer, as nohup wants it', async (t) => {
    const stage = new Stage(t);
    const script = `nohup $S broker & B=$!; nohup $S consume > $SIGMQ_DIR/out & C=$!; ${ready(stage)}
until [ -e $SIGMQ_DIR/broker.pid ]; do sleep .05; done
kill -HUP $B $C; $S send x; until [ -s $SIGMQ_DIR/out ]; do sleep .05; done
kill -HUP $B $C; $S send y; kill $C; wait $C; echo $?; kill $B; wait $B; echo $?; cat $SIGMQ_DIR/out`;
    const { stdout, stderr } = await stage.script(script, [], { cwd: stage.dir }).ended;
    assert.match(stdout.toString(), /^0\n0\nx\n/, stderr);
  });
});

describe('a terminal', () => {
  for (const command of ['broker', 'consume']) {
    it(`that is closed ends ${command}, which exits cleanly`, async (t) => {
      const stage = new Stage(t);
      const name = command === 'broker' ? 'broker.pid' : 'consumers.txt';
      const env = { SIGMQ_DIR: stage.dir, XDG_STATE_HOME: stage.path('state') };
      const args = [process.execPath, SIGMQ, command];
      const terminal = stage.fixture('terminal.py', args, { stdin: 'open', env });
      await until('the start', () => {
        try {
          return stage.read(name) !== '';
        } catch {
          return false;
        }
      });
      terminal.child.stdin?.end('\n');
      assert.equal((await terminal.ended).stdout.toString(), '0\n');
    });
  }
});

/** A pipe that is full, and whose other end nobody reads. */
function fullPipe(t: TestContext): { reader: number; writer: number } {
  const folder = mkdtempSync(join(tmpdir(), 'sigmq-pipe-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const filler = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    for (;;) writeSync(filler, Buffer.alloc(4096));
  } catch {
    // full
  }
  const writer = openSync(path, 'w');
  closeSync(filler);
  t.after(() => rmSync(folder, { recursive: true }));
  return { reader, writer };
}

describe('stderr that nobody reads', () => {
  it('holds up neither broker nor consumer, nor their end', async (t) => {
    const stage = new Stage(t);
    const { reader, writer } = fullPipe(t);
    const broker = stage.sigmq(['broker'], { stderr: writer });
    await until('the broker', () => isThere(stage, 'broker.pid'));
    const consumer = stage.sigmq(['consume'], { stderr: writer });
    await stage.sent(['x']);
    assert.deepEqual(await consumer.printed(1), ['x']);
    // A full pipe, a queue of 64 KB in the broker: lines are dropped. A plain line that names nobody is a warning.
    execFileSync('sh', [
      '-c',
      `yes ${'junk'.repeat(9)} | head -3000 | nl -s a >> ${stage.path('consumers.txt')}`,
    ]);
    await stage.sent(['y']);
    await consumer.printed(2);
    assert.equal((await consumer.end()).code, 0);
    assert.equal((await broker.end()).code, 0);
    closeSync(reader);
    closeSync(writer);
  });
});

const isThere = (stage: Stage, name: string) => {
  try {
    return stage.read(name) !== '';
  } catch {
    return false;
  }
};

describe('with little environment', () => {
  /** A user's directory that is not that of anybody else who tests. */
  const home = (stage: Stage) => {
    mkdirSync(stage.path('home'));
    return stage.path('home');
  };

  it('cron: an empty one', async (t) => {
    const stage = new Stage(t);
    const options = { isBare: true, cwd: '/' };
    const args = ['--dir', stage.dir];
    const run = (...words: string[]) =>
      new Program(t, process.execPath, [SIGMQ, ...words], options);
    const broker = run('broker', '--data', stage.path('data'), ...args);
    await broker.says(/broker \d+ runs in/);
    assert.equal((await run('send', 'x', ...args).ended).code, 0);
    const { code, stdout } = await run('consume', '-c1', '--quiet', ...args).ended;
    assert.deepEqual([code, stdout.toString()], [0, 'x\n']);
  });

  it('HOME is not set: the home of the user is that of passwd(5)', async (t) => {
    const stage = new Stage(t);
    const options = { isBare: true, env: { SIGMQ_DIR: stage.dir } };
    const user = execFileSync('getent', ['passwd', String(process.getuid?.())]).toString();
    const args = [SIGMQ, 'broker'];
    const broker = new Program(t, process.execPath, args, options);
    await broker.says(`messages are kept in ${user.split(':')[5]}/.local/state/sigmq/`);
    await broker.end();
    const [, folder = ''] = /kept in (\S+)\/queue\.db/.exec(broker.stderr) ?? [];
    rmSync(folder, { recursive: true });
  });

  it('nobody has a home: the broker says what to do', async (t) => {
    const stage = new Stage(t);
    const wrapper = ['unshare', '--user', '--map-user=4242', '--map-group=4242'];
    const script = 'chmod 700 .; env -u HOME -u XDG_STATE_HOME $S broker';
    mkdirSync(stage.path('run'));
    const env = { SIGMQ_DIR: stage.path('run') };
    const { code, stderr } = await stage.script(script, wrapper, { env, cwd: stage.dir }).ended;
    assert.equal(code, 78, stderr);
    assert.match(stderr, /HOME and XDG_STATE_HOME are not set.* --data/);
  });

  it('systemd: a socket for its output, no terminal, another folder, the end by SIGTERM', async (t) => {
    const stage = new Stage(t);
    const env = { LANG: 'C.UTF-8', PATH: '/usr/bin:/bin', HOME: home(stage), SIGMQ_DIR: stage.dir };
    // As systemd.exec(5) has it: SIGPIPE ignored, a session of its own, standard output and error a socket.
    const broker = spawn(
      'sh',
      ['-c', `trap '' PIPE; cd /; umask 22; exec ${process.execPath} ${SIGMQ} broker`],
      { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let said = '';
    broker.stderr.on('data', (chunk) => {
      said += chunk;
    });
    t.after(() => broker.kill());
    await until('the broker', () => /broker \d+ runs in/.test(said));
    await stage.sent(['x']);
    broker.kill('SIGHUP');
    broker.kill('SIGTERM');
    const code = await new Promise((resolve) => broker.once('exit', resolve));
    assert.equal(code, 0, said);
  });

  it('XDG_RUNTIME_DIR is not set: the broker of the session is found', async (t) => {
    const stage = new Stage(t);
    const script = `mount -t tmpfs none /run/user && mkdir -p -m 700 /run/user/0 || exit 99
export XDG_STATE_HOME=/run/user/0/state; unset SIGMQ_DIR
XDG_RUNTIME_DIR=/run/user/0 $S broker & B=$!
until [ -e /run/user/0/sigmq/broker.pid ]; do sleep .05; done
env -u XDG_RUNTIME_DIR $S send x; echo send $?
XDG_RUNTIME_DIR=/run/user/0 $S consume -c1 --quiet
XDG_RUNTIME_DIR=/run $S send x; echo send $?
kill $B; wait`;
    const { stdout, stderr } = await stage.script(script, ['unshare', '-Urm']).ended;
    assert.equal(stdout.toString(), 'send 0\nx\nsend 69\n', stderr);
    assert.match(stderr, /One is running in \/run\/user\/0\/sigmq: name it with --dir/);
  });
});

it('a worker thread is refused', async (t) => {
  const stage = new Stage(t);
  await stage.broker();
  const program = `
    import { Worker, isMainThread } from 'node:worker_threads';
    import { Consumer, Producer } from ${JSON.stringify(join(DIST, 'src/index.js'))};
    const said = [];
    for (const open of [() => Producer.open(), () => Consumer.open()]) {
      await open().then((it) => it.close?.() ?? it.stop(), ({ code, exitCode }) => said.push(code, exitCode));
    }
    console.log(isMainThread, ...said);
    if (isMainThread) new Worker(new URL(import.meta.url));
  `;
  execFileSync('tee', [stage.path('thread.mjs')], {
    input: program,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const env = { SIGMQ_DIR: stage.dir };
  const { code, stdout, stderr } = await new Program(
    t,
    process.execPath,
    [stage.path('thread.mjs')],
    { env },
  ).ended;
  assert.equal(stdout.toString(), 'true\nfalse not-main-thread 64 not-main-thread 64\n', stderr);
  assert.equal(code, 0);
});
