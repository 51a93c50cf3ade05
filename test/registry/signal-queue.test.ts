import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { it } from 'node:test';
import { isUsedUp, signalQueue } from '../../src/registry/signal-queue.ts';
import { gonePid, stranger } from './children.ts';

it('signalQueue knows the limit of a process, and whether it is used up', async (t) => {
  const { pid } = stranger(t);
  execFileSync('prlimit', ['--pid', String(pid), '--sigpending=77777:']);
  assert.equal(signalQueue(pid)?.limit, 77_777);
  assert.equal(isUsedUp(signalQueue(pid)), false);
  execFileSync('prlimit', ['--pid', String(pid), '--sigpending=0:']);
  assert.equal(signalQueue(pid)?.limit, 0);
  assert.equal(isUsedUp(signalQueue(pid)), true);
  assert.equal(isUsedUp(signalQueue(await gonePid(t))), false);
});
