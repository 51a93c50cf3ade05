/** What the system counts: inotify, descriptors, waiting signals, the size of files. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { type Program, Stage } from './harness.ts';

const setLimit = ({ pid }: Program, limit: string) =>
  execFileSync('prlimit', ['--pid', String(pid), limit]);

describe('a limit of the system', () => {
  for (const what of ['instances', 'watches']) {
    it(`on inotify ${what} makes the broker look by itself`, async (t) => {
      const stage = new Stage(t);
      const script = `echo 0 > /proc/sys/user/max_inotify_${what} || exit 99
$S broker & B=$!; until [ -e $SIGMQ_DIR/broker.pid ]; do sleep .05; done
$S consume -c2 --quiet & C=$!
$S send one; $S send two; wait $C; echo consume $?; $S doctor; $S stop; wait $B; echo broker $?`;
      const { stdout, stderr } = await stage.script(script, ['unshare', '-Ur']).ended;
      assert.match(stdout.toString(), /^one\ntwo\nconsume 0\n/, stderr);
      assert.match(stdout.toString(), /broker 0\n$/, stderr);
      assert.match(stderr, /warn: No inotify instance or watch is left \((EMFILE|ENOSPC); /);
      assert.match(stdout.toString(), /note +No inotify/);
    });
  }

  it('on descriptors has work refused, and no broker end', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    await stage.sent(['one']);
    setLimit(broker, '--nofile=12:');
    const { code, stderr } = await stage.send(['two']);
    assert.equal(code, 75, stderr);
    await broker.says('This process has no file descriptors left (EMFILE).');
    assert.doesNotMatch(broker.stderr, /bug/);
    setLimit(broker, '--nofile=4096:');
    await stage.sent(['three']);
    const consumer = await stage.consumer();
    assert.deepEqual(await consumer.printed(2), ['one', 'three']);
    consumer.signal('SIGKILL'); // its end is noticed, too
    await broker.says(`Consumer ${consumer.pid} ended.`);
  });

  it('on descriptors is named when it leaves too few for a store', async (t) => {
    const stage = new Stage(t);
    const count = 'require("node:fs").readdirSync("/proc/self/fd").length';
    const inUse = Number(execFileSync(process.execPath, ['-p', count]));
    for (const left of [2, 4, 6, 8, 10]) {
      const script = `ulimit -n ${inUse + left}; exec $S broker`;
      const { code, stderr } = await stage.script(script).ended;
      assert.equal(code, 75, stderr);
      assert.match(stderr, /file descriptors.*\n?.*Raise the limit \(`ulimit -n`\)/);
    }
  });

  it('on descriptors is named when it leaves too few to send with', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory']);
    const count = 'require("node:fs").readdirSync("/proc/self/fd").length';
    const inUse = Number(execFileSync(process.execPath, ['-p', count]));
    const codes = new Set<number | null>();
    for (const left of [0, 1, 2, 3, 4, 5]) {
      const { code, stderr } = await stage.script(`ulimit -n ${inUse + left}; exec $S send x`)
        .ended;
      codes.add(code);
      if (code !== 0) assert.match(stderr, /^sigmq: This process has no file descriptors left/);
    }
    assert.deepEqual(codes, new Set([75, 0]));
  });

  it('on the size of files is named at once, by whoever has to write', async (t) => {
    const stage = new Stage(t);
    const limited = (command: string) => stage.script(`ulimit -f 0; exec $S ${command}`).ended;
    const alone = await limited('broker');
    assert.equal(alone.code, 78, alone.stderr);
    await stage.broker();
    for (const [command, exit] of [
      ...([
        ['status', 78],
        ['ls', 78],
        ['send x', 78],
        ['send --wait x', 78],
      ] as const),
      ...([
        ['ask --wait x', 78],
        ['consume -g a', 78],
        ['consume', 73],
        ['doctor', 1],
      ] as const),
      ['export', 78],
    ] as const) {
      const { code, stdout, stderr } = await limited(command);
      assert.deepEqual([command, code], [command, exit], stderr);
      assert.match(`${stdout}${stderr}`, /Raise the limit \(`ulimit -f`\)/);
    }
  });

  it('on waiting signals is named by the broker, by send, and by doctor', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    await stage.sent(['one']);
    setLimit(broker, '--sigpending=0:0');
    const { code, stderr } = await stage.send(['two']);
    assert.equal(code, 75);
    assert.match(stderr, new RegExp(`Signals reach process ${broker.pid} without their sender`));
    await broker.says(/error: \d+ signals came without their sender/);
    const doctor = await stage.sigmq(['doctor']).ended;
    assert.equal(doctor.code, 1);
    assert.match(doctor.stdout.toString(), new RegExp(`^bad .*reach process ${broker.pid} `, 'm'));
  });

  it('on waiting signals is named when a broker, or who sends, starts with it', async (t) => {
    const stage = new Stage(t);
    const low = ['prlimit', '--sigpending=0:0'];
    const broker = stage.script('exec $S broker', low);
    await broker.says(new RegExp(`Signals reach process ${broker.pid} without their sender`));
    await broker.end();
    await stage.broker();
    const send = await stage.script('exec $S send x', low).ended;
    assert.equal(send.code, 75);
    assert.match(send.stderr, /RLIMIT_SIGPENDING/);
    await stage.sent(['y']);
  });
});

it('signals from outside the PID namespace count for nothing, and are spoken of', async (t) => {
  const stage = new Stage(t);
  const script = `$S broker & until [ -e $SIGMQ_DIR/broker.pid ]; do sleep .05; done
read go; $S send x; echo send $?; $S stop; wait`;
  const inside = stage.script(script, ['unshare', '-Ur', '--pid', '--fork', '--mount-proc'], {
    stdin: 'open',
  });
  await inside.says(/broker \d+ runs in/);
  const children = (pid: number | string): string[] =>
    execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)])
      .toString()
      .trim()
      .split(/\s+/);
  const [sh = ''] = children(inside.pid);
  const [broker = ''] = children(sh);
  // Two ones: half counted they would be a part of a byte.
  for (const bit of ['USR2', 'USR1', 'USR2']) execFileSync('kill', [`-${bit}`, broker]);
  await inside.says(/\d signals came without their sender/);
  inside.child.stdin?.end('\n');
  const { stdout, stderr } = await inside.ended;
  assert.equal(stdout.toString(), 'send 0\n', stderr);
});
