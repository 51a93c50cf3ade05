/** How a consumer that prints ends, and that what it has printed then is settled. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Inspector } from '../../src/client/inspector.ts';
import { DIST, Program, Stage, stateOf, until } from './harness.ts';

const SIGMQ = join(DIST, 'bin/sigmq.js');

async function staged(t: TestContext, args: readonly string[] = ['--memory']) {
  const stage = new Stage(t);
  await stage.broker(args);
  return stage;
}

/** Runs a shell script in which `"$@"` is sigmq. */
function shell(t: TestContext, stage: Stage, script: string, sh = 'sh'): Program {
  const args = ['-c', script, sh, process.execPath, SIGMQ];
  return new Program(t, sh, args, { env: { SIGMQ_DIR: stage.dir } });
}

async function countsOf(stage: Stage) {
  const inspector = await Inspector.open({ dir: stage.dir });
  try {
    return (await inspector.counts()).find(({ queue }) => queue === 'default');
  } finally {
    await inspector.close();
  }
}

describe('a consumer that is interrupted', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`before --count is reached ends by ${signal}, and else with 0, but by SIGINT`, async (t) => {
      const stage = await staged(t);
      const counting = await stage.consumer(['-c1']);
      counting.signal(signal);
      assert.equal((await counting.ended).signal, signal);
      const serving = await stage.consumer([]);
      serving.signal(signal);
      const { code, signal: by } = await serving.ended;
      assert.deepEqual([code, by], signal === 'SIGINT' ? [null, signal] : [0, null]);
    });
  }

  it('says that its broker has not heard of what it has done, when that is gone', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker(['--data', stage.path('data')]);
    const [go, done] = [stage.path('go'), stage.path('done')];
    const script = `while ! test -e ${go}; do sleep 0.05; done; touch ${done}`;
    const consumer = await stage.consumer(['--', 'sh', '-c', script]);
    await stage.sent(['job']);
    await until('the job', async () => (await countsOf(stage))?.reserved === 1);
    broker.signal('SIGKILL');
    await broker.ended;
    writeFileSync(go, '');
    await until('its end', () => existsSync(done));
    consumer.signal('SIGTERM');
    const { code, stderr } = await consumer.ended;
    assert.equal(code, 0);
    assert.match(stderr, /was not told how 1 message ended\. They will be delivered again/);
  });

  it('ends the loop around it', async (t) => {
    const stage = await staged(t);
    const loop = 'for i in 1 2 3; do "$@" consume -c1; echo "round $i"; done';
    // A terminal sends SIGINT to the whole process group.
    const bash = shell(t, stage, `set -m; trap '' USR1; (${loop}) & echo $!; wait`, 'bash');
    const [group = ''] = await bash.printed(1);
    await bash.says('waits for messages');
    process.kill(-Number(group), 'SIGINT');
    const { stdout } = await bash.ended;
    assert.equal(stdout.toString(), `${group}\n`);
  });
});

describe('a consumer whose stdout', () => {
  it('is a pipe that nobody reads any more ends at once', async (t) => {
    const stage = await staged(t);
    await stage.sent(['one']);
    const script = '{ "$@" consume --quiet; echo "rc=$?" >&2; } | head -n1';
    const { stdout, stderr } = await shell(t, stage, script).ended;
    assert.deepEqual([stdout.toString(), stderr], ['one\n', 'rc=0\n']);
    await shell(t, stage, '"$@" consume --quiet | true').ended;
  });

  it('is closed takes nothing and says so', async (t) => {
    const stage = await staged(t);
    await stage.sent(['x']);
    for (const script of [
      '"$@" consume -c1 >&-; echo "rc=$?"',
      'exec "$@" consume -c1 >&-',
      '("$@" consume -c1; echo "rc=$?" >&2) >&-',
      'timeout 60 "$@" consume -c1 >&- || echo rc=1',
    ]) {
      const ended = await new Program(t, 'sh', ['-c', script, 'sh', process.execPath, SIGMQ], {
        env: { SIGMQ_DIR: stage.dir },
        stdin: 'open',
      }).ended;
      assert.match(ended.stderr, /Standard output is closed/, script);
      if (script.startsWith('exec')) assert.equal(ended.code, 1);
      else assert.match(ended.stdout.toString() + ended.stderr, /rc=1/);
    }
    assert.equal((await countsOf(stage))?.ready, 1);
    assert.equal((await shell(t, stage, '"$@" consume -c1 >/dev/null; exit $?').ended).code, 0);
  });

  it('is a full disk leaves no half message in its file', async (t) => {
    const stage = await staged(t);
    const folder = stage.path('small');
    mkdirSync(folder);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', folder], {
        stdio: 'ignore',
      });
    } catch {
      t.diagnostic('no right to mount: not tried');
      return;
    }
    try {
      for (const flag of ['a', 'w']) {
        const path = join(folder, `out-${flag}`);
        for (const letter of 'AB') await stage.sent(['-'], { stdin: letter.repeat(12_000) });
        const out = openSync(path, flag);
        const full = await stage.sigmq(['consume', '-c2', '--quiet'], { stdout: out }).ended;
        assert.equal(full.code, 1);
        assert.equal(readFileSync(path, 'utf8').length, 12_001);
        execFileSync('mount', ['-o', 'remount,size=256k', folder]);
        // By the same open file, as in `(sigmq consume; sigmq consume) >out`.
        const again = await stage.sigmq(['consume', '-c1', '--quiet'], { stdout: out }).ended;
        closeSync(out);
        assert.equal(again.code, 0, again.stderr);
        const lines = readFileSync(path, 'utf8').split('\n');
        assert.deepEqual(lines, ['A'.repeat(12_000), 'B'.repeat(12_000), '']);
        writeFileSync(path, '');
        execFileSync('mount', ['-o', 'remount,size=16k', folder]);
      }
    } finally {
      execFileSync('umount', ['-l', folder]); // before the folder around it is removed
    }
  });

  it('keeps it until it may print (Ctrl-Z) has settled what it printed, when it ends with 0', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker(['--memory']);
    // In the background of a terminal with `stty tostop` a write stops the process.
    const inner = `stty tostop; set -m; ${process.execPath} ${SIGMQ} consume -c1 --quiet &
      echo pid=$!; read -r go; fg; echo "rc=$?"`;
    const env = { SIGMQ_DIR: stage.dir, TERM: 'dumb' };
    const terminal = new Program(t, 'script', ['-qec', `bash -c '${inner}'`, '/dev/null'], {
      env,
      stdin: 'open',
    });
    const pid = await until('the consumer', () => /pid=(\d+)/.exec(String(terminal.stdout))?.[1]);
    await until('its registration', () => {
      try {
        return stage.read('consumers.txt').includes(`${pid} `);
      } catch {
        return false;
      }
    });
    await stage.sent(['printed late']);
    await until('the stop', () => stateOf(Number(pid)) === 'T');
    await broker.says('is stopped and answers nobody'); // it is in doubt
    assert.equal((await countsOf(stage))?.reserved, 1);
    terminal.child.stdin?.write('go\n');
    const { stdout } = await terminal.ended;
    assert.match(String(stdout), /printed late[\s\S]*rc=0/);
    assert.equal((await countsOf(stage))?.ready ?? 0, 0);
    assert.equal((await countsOf(stage))?.reserved ?? 0, 0);
  });
});
