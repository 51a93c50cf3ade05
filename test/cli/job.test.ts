import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Job } from '../../src/cli/job.ts';
import { tempDir, until } from '../registry/children.ts';

const GRACE_MS = 300;

function started(t: TestContext, script: string, timeoutMs?: number) {
  const path = join(tempDir(t), 'pid');
  const child = spawn('sh', ['-c', script, 'sh', path], { detached: true, stdio: 'ignore' });
  const job = new Job(child, timeoutMs, GRACE_MS);
  t.after(() => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // as it should be
    }
  });
  const lives = () => {
    try {
      const pid = readFileSync(path, 'utf8').trim();
      return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    } catch {
      return false;
    }
  };
  return { job, child, lives };
}

describe('Job', () => {
  it('ends as the command does', async (t) => {
    const end = await started(t, 'exit 3', 60_000).job.ended;
    assert.deepEqual(end, { code: 3, signal: null, isOverdue: false, said: '' });
    const killed = await started(t, 'kill -9 $$').job.ended;
    assert.deepEqual(killed, { code: null, signal: 'SIGKILL', isOverdue: false, said: '' });
  });

  it('tells a command that takes too long to end', async (t) => {
    const { code, isOverdue } = await started(t, 'trap "exit 9" TERM; sleep 60 & wait', 50).job
      .ended;
    assert.deepEqual([code, isOverdue], [9, true]);
  });

  it('kills one that does not want to', async (t) => {
    const end = await started(t, 'trap "" TERM; sleep 60; sleep 60', 50).job.ended;
    assert.deepEqual(end, { code: null, signal: 'SIGKILL', isOverdue: true, said: '' });
  });

  it('wakes one that is stopped', async (t) => {
    const { signal, isOverdue } = await started(t, 'kill -STOP $$', 50).job.ended;
    assert.deepEqual([signal, isOverdue], ['SIGTERM', true]);
  });

  it('is not over before the rest of its group is, which gets its time too', async (t) => {
    const rest = '(trap "" TERM; exec sleep 60) & echo $! >"$1"; wait';
    const { job, lives } = started(t, rest, 200);
    await until(lives);
    const { isOverdue } = await job.ended;
    assert.ok(isOverdue);
    await until(() => !lives());
  });
});
