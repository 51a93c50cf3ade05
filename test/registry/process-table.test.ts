import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseProcess } from '../../src/registry/linux-process-table.ts';
import { isRunning } from '../../src/registry/process-info.ts';
import {
  hasProc,
  linuxProcessTable,
  portableProcessTable,
  processTable,
} from '../../src/registry/process-table.ts';
import { startedAtMs } from '../../src/registry/start-time.ts';
import {
  blocker,
  catcher,
  gonePid,
  mixed,
  ready,
  start,
  startPython,
  stranger,
  tempDir,
  until,
} from './children.ts';
import { fakeTable } from './fake-table.ts';

const uid = process.getuid?.();
const read = linuxProcessTable.read;

describe('linuxProcessTable', { skip: !hasProc() && 'needs /proc' }, () => {
  it('is the choice here', () => assert.equal(processTable(), linuxProcessTable));

  it('finds this process', () => {
    const info = read(process.pid);
    assert.equal(info?.pid, linuxProcessTable.selfPid);
    assert.equal(info.uid, uid);
    assert.equal(info.state, 'R');
    assert.equal(info.pending, false);
    const started = startedAtMs(info.start) ?? Number.NaN;
    assert.ok(Math.abs(started - (Date.now() - process.uptime() * 1000)) < 3000);
  });

  it('knows who would be killed', (t) => {
    const info = read(stranger(t).pid);
    assert.equal(info?.blocksBoth, false);
    assert.equal(info.catchesBoth, false);
  });

  it('knows who catches', async (t) => {
    const info = read((await catcher(t)).pid);
    assert.equal(info?.blocksBoth, false);
    assert.equal(info.catchesBoth, true);
  });

  it('takes nobody for a peer who blocks all signals for a moment, as fork does', async (t) => {
    const child = startPython(
      t,
      `import time
ALL = range(1, 65)
print('ready', flush=True)
while True:
    signal.pthread_sigmask(signal.SIG_BLOCK, ALL)
    time.sleep(0.002)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ALL)
    time.sleep(0.001)`,
    );
    await ready(child);
    const file = (name: string) => readFileSync(`/proc/${child.pid}/${name}`, 'utf8');
    const blocks = () => parseProcess(child.pid, file('stat'), file('status'))?.blocksAll === true;
    for (let n = 0; n < 20; n++) {
      await until(blocks);
      assert.notEqual(read(child.pid)?.blocksBoth, true);
    }
  });

  it('takes one for a peer who blocks all signals for good', async (t) => {
    const child = startPython(t, 'signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))');
    await ready(child);
    assert.equal(read(child.pid)?.blocksBoth, true);
    assert.equal(read(child.pid)?.blocksBoth, true);
  });

  it('knows who blocks one and catches the other', async (t) => {
    const info = read((await mixed(t)).pid);
    assert.equal(info?.blocksBoth, false);
    assert.equal(info.catchesBoth, true);
  });

  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    it(`knows who blocks, and sees a pending ${signal}`, async (t) => {
      const { pid, process: child } = await blocker(t);
      assert.equal(read(pid)?.blocksBoth, true);
      assert.equal(read(pid)?.pending, false);
      child.kill(signal);
      assert.equal(read(pid)?.pending, true);
      assert.equal(read(pid)?.threadPending, false);
    });
  }

  it('tells what is pending in the main thread from what is of the process', async (t) => {
    const child = await ready(
      startPython(
        t,
        `import threading
block(signal.SIGUSR1, signal.SIGUSR2)
signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)`,
      ),
    );
    const info = read(child.pid);
    assert.deepEqual([info?.pending, info?.threadPending], [true, true]);
  });

  for (const name of ['a b', ') S 1 (x', '((', '))) R', 'x\ny']) {
    it(`reads a process named ${JSON.stringify(name)}`, (t) => {
      const program = join(tempDir(t), name);
      symlinkSync('/bin/sleep', program);
      const info = read(start(t, program, ['600']).pid);
      assert.ok(info);
      assert.equal(info.uid, uid);
      assert.match(info.state, /[RS]/);
      assert.ok(info.start >= (read(process.pid)?.start ?? Number.POSITIVE_INFINITY));
    });
  }

  it('takes a thread that blocks both for nobody: a signal to it could kill its process', async (t) => {
    const child = startPython(
      t,
      `import threading
blocked = threading.Event()
def run():
    block(signal.SIGUSR1, signal.SIGUSR2)
    blocked.set()
    threading.Event().wait()
thread = threading.Thread(target=run, daemon=True)
thread.start()
blocked.wait()
print(thread.native_id, flush=True)`,
    );
    const thread = Number(await child.line());
    assert.equal(await child.line(), 'ready');
    assert.ok(thread > 1 && thread !== child.pid, `thread ${thread}`);
    assert.match(readFileSync(`/proc/${thread}/status`, 'latin1'), /^SigBlk:.*a00$/m);
    assert.equal(read(thread), undefined);
    assert.equal(read(child.pid)?.blocksBoth, false);
  });

  it('returns a zombie with its state', async (t) => {
    const parent = startPython(
      t,
      'pid = os.fork()\nif pid == 0: os._exit(0)\nprint(pid, flush=True)',
    );
    const pid = Number(await parent.line());
    await until(() => read(pid)?.state === 'Z');
    assert.equal(read(pid)?.uid, uid);
  });

  it('reads a status longer than its buffer', {
    skip: uid !== 0 && 'only root may set groups',
  }, async (t) => {
    const child = await ready(
      startPython(t, 'os.setgroups(range(100000, 110000)); block(signal.SIGUSR1, signal.SIGUSR2)'),
    );
    assert.ok(readFileSync(`/proc/${child.pid}/status`).length > 60_000);
    assert.equal(read(child.pid)?.blocksBoth, true);
  });

  it('does not find a process that is gone, nor what is no PID', async (t) => {
    assert.equal(read(await gonePid(t)), undefined);
    for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 40]) assert.equal(read(pid), undefined);
  });
});

it('a process runs that had started then, and has not ended', () => {
  const table = fakeTable({ pid: 5 }, { pid: 6, state: 'Z' }, { pid: 7, state: 'T' });
  const running = [5, 6, 7, 8].filter((pid) => isRunning(table.read(pid), 500));
  assert.deepEqual(running, [5, 7]);
  assert.equal(isRunning(table.read(5), 501), false);
});

describe('parseProcess', () => {
  it('never throws on junk', () => {
    const property = fc.property(fc.string(), fc.string(), (stat, status) => {
      parseProcess(1, stat, `Name:\tx${status}`);
    });
    fc.assert(property);
  });

  it('is not fooled by a name', () => {
    const stat = `7 (a) R 1 2 (b) S ${Array.from({ length: 50 }, (_, i) => 1000 + i).join(' ')}`;
    const status =
      'Name:\tx\nState:\tS (sleeping)\nTgid:\t7\nUid:\t5\t6\t7\t8\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000800\n';
    const info = parseProcess(
      7,
      stat,
      `${status}SigBlk:\t0000000000000a00\nSigCgt:\tffffffff00000000\n`,
    );
    const expected = {
      pid: 7,
      uid: 5,
      state: 'S',
      start: 1018,
      blocksBoth: true,
      catchesBoth: true,
      catchesAlike: false,
      catchesOrders: false,
      blocksAll: false,
      catchesAlso: false,
      pending: true,
      threadPending: false,
    };
    assert.deepEqual(info, expected);
  });

  it('tells who picks out signals from who catches nearly all', () => {
    const stat = `7 (a) S ${Array.from({ length: 50 }, (_, i) => i).join(' ')}`;
    const alike = (caught: string) => {
      const status = `Name:\tx\nState:\tS\nTgid:\t7\nUid:\t5\nSigCgt:\t${caught}\n`;
      return parseProcess(7, stat, status)?.catchesAlike;
    };
    assert.equal(alike('000000004b813efb'), true, 'an interactive bash');
    assert.equal(alike('000000017b81ee37'), true, 'npm, by signal-exit');
    assert.equal(alike('fffffffd7fc1feff'), true, "Go's runtime");
    assert.equal(alike('0000000042017e4f'), false, "Ruby's runtime");
    assert.equal(alike('0000000008034a03'), false, 'tmux');
    assert.equal(alike('0000000000000a00'), false, 'these two alone');
    assert.equal(alike('0000000000000a10'), false, 'and SIGTRAP');
    assert.equal(alike('0000000000800a00'), false, 'and SIGXCPU');
  });
});

describe('catchesOrders', () => {
  const stat = `7 (a) S ${Array.from({ length: 50 }, (_, i) => i).join(' ')}`;
  for (const [caught, expected, whose] of [
    ['0000000008034a03', true, 'tmux'],
    ['0000000018016a07', true, 'nginx'],
    ['0000000000014a07', true, 'php-fpm, postgres'],
    ['0000000042017e4f', false, 'a Ruby program'],
    ['0000000100004e02', false, 'a Node program'],
    ['0000000000010a02', false, 'a bash script'],
    ['0000000008010a01', false, 'a zsh script'],
    ['0000000000000a00', false, 'these two alone'],
    ['0000000000004a03', false, 'one that cleans up'],
  ] as const) {
    it(`${expected}: ${whose}`, () => {
      const status = `Name:\tx\nState:\tS\nTgid:\t7\nUid:\t5\nSigCgt:\t${caught}\n`;
      assert.equal(parseProcess(7, stat, status)?.catchesOrders, expected);
    });
  }
});

describe('hasLineEditor', () => {
  it('knows irb by what it has loaded, and no other language', async (t) => {
    const dir = tempDir(t);
    const loaded = async (name: string) => {
      const path = join(dir, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, 'x'.repeat(4096));
      const map = `import mmap; file = open(${JSON.stringify(path)}); keep = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)`;
      return linuxProcessTable.hasLineEditor((await ready(startPython(t, map))).pid);
    };
    assert.equal(await loaded('lib/ruby/3.1.0/x86_64-linux/io/console.so'), true);
    assert.equal(await loaded('lib/ruby/3.1.0/x86_64-linux/readline.so'), true);
    assert.equal(await loaded('lib/ruby/3.1.0/x86_64-linux/socket.so'), false);
    assert.equal(await loaded('lib/php/20220829/readline.so'), false);
    assert.equal(linuxProcessTable.hasLineEditor(await gonePid(t)), false);
    assert.equal(portableProcessTable.hasLineEditor(process.pid), false);
  });
});

describe('portableProcessTable', () => {
  it('knows who is there, and says that it knows no masks', async (t) => {
    const table = portableProcessTable;
    assert.equal(table.knowsSignals, false);
    const { pid } = stranger(t);
    const unknown = {
      state: '?',
      start: 0,
      blocksBoth: undefined,
      catchesBoth: undefined,
      catchesAlike: undefined,
      catchesOrders: undefined,
      pending: undefined,
      threadPending: undefined,
    };
    assert.deepEqual(table.read(pid), { pid, uid, ...unknown });
    assert.equal(table.read(await gonePid(t)), undefined);
  });

  it('knows a process of another user', { skip: uid === 0 && 'root may signal all' }, () => {
    assert.equal(portableProcessTable.read(1)?.uid, undefined);
  });
});
