/** Other users, forged senders, and files that somebody has put in the place of ours (docs/security.md). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DIST, Program, ROOT, Stage, stateOf, until } from './harness.ts';

/** A user who owns nothing: not even `nobody`, so that no other program's directory is met. */
const OTHER = 54_321;
const SIGMQ = join(DIST, 'bin/sigmq.js');
const isRoot = process.getuid?.() === 0;
const asOther = { uid: OTHER, gid: OTHER };

/** Says loudly why not, when there is no other user to be. */
function canBeOther(t: TestContext): boolean {
  if (!isRoot) t.skip('SKIPPED: needs root, to start programs as another user');
  else if (spawnSync('test', ['-r', SIGMQ], asOther).status !== 0)
    t.skip(`SKIPPED: another user cannot read ${SIGMQ}; needs a checkout that everybody can read`);
  else return true;
  return false;
}

/** Runs sigmq as the other user. */
function sigmqAsOther(t: TestContext, args: string[], env: NodeJS.ProcessEnv = {}): Program {
  const preload = join(ROOT, 'test/fixtures/as-user.cjs');
  const own = { AS_USER: String(OTHER), SIGMQ_DIR: '', XDG_RUNTIME_DIR: '', HOME: '/nonexistent' };
  return new Program(t, process.execPath, ['-r', preload, SIGMQ, ...args], {
    env: { ...own, ...env },
    cwd: '/',
  });
}

/** A process of the other user that blocks both signals, as an echo peer does. */
async function peerOfOther(t: TestContext): Promise<Program> {
  const script = `import os, signal, sys
os.setgroups([]); os.setgid(${OTHER}); os.setuid(${OTHER})
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGUSR1, signal.SIGUSR2))
print('ready', os.getpid(), file=sys.stderr, flush=True)
signal.pause()`;
  const peer = new Program(t, 'python3', ['-c', script]);
  await peer.says(/ready \d+/);
  return peer;
}

function pendingOf(pid: number): string[] {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return [...status.matchAll(/^(?:SigPnd|ShdPnd):\t(.*)$/gm)].map(([, mask = '']) => mask);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name));
}

describe('another user', () => {
  it('cannot read or write what is ours, even where others may look, nor signal us', async (t) => {
    if (!canBeOther(t)) return;
    const stage = new Stage(t);
    chmodSync(stage.dir, 0o755); // a directory that the user named may be readable
    const broker = await stage.broker();
    await stage.consumer();
    await stage.sent(['-q', 'kept', 'secret']);
    const files = filesBelow(stage.dir);
    for (const name of ['broker.pid', 'broker.json', 'consumers.txt', 'bus', 'queue.db']) {
      assert.ok(
        files.some((path) => path.endsWith(name)),
        name,
      );
    }
    for (const path of files) {
      for (const mode of ['-r', '-w']) {
        assert.notEqual(spawnSync('test', [mode, path], asOther).status, 0, `${mode} ${path}`);
      }
    }
    assert.notEqual(spawnSync('touch', [stage.path('consumers.txt2')], asOther).status, 0);
    const kill = spawnSync('sh', ['-c', `kill -USR1 ${broker.pid}`], asOther);
    assert.notEqual(kill.status, 0);
    await stage.sent(['still there']);
  });

  it('who sends to our directory is refused with 77', async (t) => {
    if (!canBeOther(t)) return;
    const stage = new Stage(t);
    await stage.broker();
    for (const mode of [0o700, 0o755]) {
      chmodSync(stage.dir, mode);
      const { code, stderr } = await sigmqAsOther(t, ['send', '--dir', stage.dir, 'x']).ended;
      assert.equal(code, 77, stderr);
      assert.match(stderr, /belongs to user 0/);
    }
  });

  it('gets no signal from root, whatever a file says', async (t) => {
    if (!canBeOther(t)) return;
    const stage = new Stage(t);
    const peer = await peerOfOther(t);
    writeFileSync(stage.path('broker.pid'), `${peer.pid}\n`);
    const { code, stderr } = await stage.send(['x']);
    assert.equal(code, 69, stderr);
    assert.match(stderr, /belongs to another user/);
    writeFileSync(stage.path('consumers.txt'), `${peer.pid}\n`);
    const broker = await stage.broker();
    await broker.says(/belongs to another user/);
    const consumer = await stage.consumer();
    for (const word of ['one', 'two']) await stage.sent([word]);
    assert.deepEqual(await consumer.printed(2), ['one', 'two']);
    assert.deepEqual(new Set(pendingOf(peer.pid)), new Set(['0000000000000000']));
  });

  const traps: { name: string; lay(path: string): void }[] = [
    {
      name: 'a symbolic link',
      lay: (path) => symlinkSync(tmpdir(), path),
    },
    { name: 'a directory of somebody else', lay: (path) => mkdirSync(path, 0o700) },
    {
      name: 'a directory that all can write to',
      lay: (path) => {
        mkdirSync(path);
        chownSync(path, OTHER, OTHER);
        chmodSync(path, 0o777);
      },
    },
  ];
  for (const { name, lay } of traps) {
    it(`who finds ${name} at /tmp/sigmq-<uid> is told so with 77, and uses it not`, async (t) => {
      if (!canBeOther(t)) return;
      const path = `/tmp/sigmq-${OTHER}`;
      rmSync(path, { recursive: true, force: true });
      lay(path);
      t.after(() => rmSync(path, { recursive: true, force: true }));
      for (const args of [['broker', '--memory'], ['consume'], ['send', 'x']]) {
        const { code, stderr } = await sigmqAsOther(t, args).ended;
        assert.equal(code, 77, `${args.join(' ')}: ${stderr}`);
        assert.match(stderr, /\/tmp\/sigmq-54321/);
      }
    });
  }
});

describe('a process of ours', () => {
  it('that writes another PID into its signals is not heard', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    const consumer = await stage.consumer();
    // sigqueue(3) lets the caller fill in the sender. Both messages go bit by bit, in order.
    const script = `import ctypes, os, sys, time
sys.path.insert(0, sys.argv[2]); sys.dont_write_bytecode = True
import plain_wire as wire
libc, pid = ctypes.CDLL(None), int(sys.argv[1])
def send(call, message):
    for number in wire.signals_of(message):
        call(number)
        while wire.has_pending(pid): time.sleep(0.001)
send(lambda number: libc.sigqueue(pid, int(number), None), b'forged')
send(lambda number: os.kill(pid, number), b'honest')`;
    const fixtures = join(ROOT, 'test/fixtures');
    const sender = new Program(t, 'python3', ['-c', script, String(broker.pid), fixtures]);
    assert.equal((await sender.ended).code, 0, sender.stderr);
    assert.deepEqual(await consumer.printed(1), ['honest']);
  });

  it('that is a thread of a stranger is not signalled', async (t) => {
    const stage = new Stage(t, { SIGMQ_PLAIN: '1' });
    const script = `import signal, sys, threading
def run():
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGUSR1, signal.SIGUSR2))
    print('ready', threading.get_native_id(), file=sys.stderr, flush=True)
    threading.Event().wait()
threading.Thread(target=run, daemon=True).start()
signal.sigwait([signal.SIGTERM])`;
    const stranger = new Program(t, 'python3', ['-c', script]);
    await stranger.says(/ready \d+/);
    const thread = stranger.stderr.replace(/\D/g, '');
    writeFileSync(stage.path('broker.pid'), `${thread}\n`);
    const { code, stderr } = await stage.send(['x']);
    assert.equal(code, 69, stderr);
    assert.match(stateOf(stranger.pid) ?? 'gone', /[SR]/);
  });
});

describe('a file in the runtime directory that was replaced', () => {
  const NAMES = ['broker.pid', 'broker.json', 'consumers.txt', 'bus', 'bus.wait'];
  const replacements: Record<string, (path: string, victims: string) => void> = {
    'a link to a file': (path, victims) => symlinkSync(join(victims, 'file'), path),
    'a link to a folder': (path, victims) => symlinkSync(victims, path),
    'a FIFO': (path) => assert.equal(spawnSync('mkfifo', [path]).status, 0),
    'a folder': (path) => mkdirSync(path),
  };
  for (const name of NAMES) {
    for (const [what, replace] of Object.entries(replacements)) {
      it(`${name}, by ${what}: nothing elsewhere changes, and nobody waits for it`, async (t) => {
        const victims = mkdtempSync(join(tmpdir(), 'sigmq-victims-'));
        t.after(() => rmSync(victims, { recursive: true, force: true }));
        writeFileSync(join(victims, 'file'), 'precious');
        const stage = new Stage(t);
        replace(stage.path(name), victims);
        const codes: (number | null)[] = [];
        const broker = stage.sigmq(['broker', '--memory']);
        const runs = await Promise.race([
          broker.says(/runs in/).then(() => true),
          broker.ended.then(() => false),
        ]);
        const commands = [['consume', '-W', '1ms'], ['send', '-W', '5s', 'x'], ['doctor']];
        const programs = commands.map((args) => stage.sigmq(args));
        for (const program of programs) {
          await until('the end of a command', () => program.child.exitCode !== null);
          const { code, stderr } = await program.ended;
          assert.doesNotMatch(stderr, /^\s+at |bug/m);
          codes.push(code);
        }
        if (!runs) codes.push((await broker.ended).code);
        else assert.equal((await broker.end()).code, 0, broker.stderr);
        for (const code of codes)
          assert.ok([0, 1, 69, 73, 77, 124].includes(code ?? -1), `${codes}`);
        assert.deepEqual(readdirSync(victims), ['file']);
        assert.equal(readFileSync(join(victims, 'file'), 'utf8'), 'precious');
      });
    }
  }
});
