import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, it } from 'node:test';
import { BOTH, mask } from '../../src/proc-status.ts';
import { loadAddon } from '../../src/signals/addon.ts';
import { blockInEveryThread } from '../../src/signals/block-threads.ts';
import { FakeAddon } from '../link/fakes.ts';

/** The highest descriptor that is open. */
function openedFiles(): number {
  return Math.max(...readdirSync('/proc/self/fd').map(Number));
}

describe('blockInEveryThread', () => {
  it('fails when a thread keeps a signal open, having nudged it again and again', () => {
    const addon = new FakeAddon();
    let nudges = 0;
    addon.nudgeThreads = () => ++nudges;
    assert.throws(() => blockInEveryThread(addon, 3), /a thread of this process keeps/);
    assert.equal(nudges, 3);
  });

  it('fails when the threads cannot be looked at: one of them may keep a signal open', () => {
    const addon = new FakeAddon();
    addon.nudgeThreads = () => -constants.errno.EMFILE;
    assert.throws(() => blockInEveryThread(addon), { code: 'EMFILE' });
  });

  it('fails when the signals cannot be blocked at all', () => {
    const addon = new FakeAddon();
    addon.block = () => 22;
    assert.throws(() => blockInEveryThread(addon), /could not block .* \(errno 22\)/);
  });

  it('blocks both in every thread', { skip: loadAddon().why ?? false }, () => {
    const { addon } = loadAddon();
    assert.ok(addon);
    blockInEveryThread(addon);
    for (const tid of readdirSync('/proc/self/task')) {
      const status = readFileSync(`/proc/self/task/${tid}/status`, 'utf8');
      assert.equal(mask(status, 'SigBlk') & BOTH, BOTH, `thread ${tid}`);
    }
    assert.equal(addon.nudgeThreads(), 0);
    const { title } = process;
    process.title = 'a) b (c)';
    assert.equal(addon.nudgeThreads(), 0);
    process.title = title;
  });

  it('does not take a thread that it cannot look at for one that blocks them', {
    skip: loadAddon().why ?? false,
  }, () => {
    const { addon } = loadAddon();
    assert.ok(addon);
    // Room for the list of threads, and for none of them.
    const opened: number[] = [];
    const limit = addon.openFiles(openedFiles() + 4);
    try {
      for (;;) opened.push(openSync('/dev/null', 'r'));
    } catch {
      closeSync(opened.pop() as number);
      assert.equal(addon.nudgeThreads(), -constants.errno.EMFILE);
    } finally {
      for (const fd of opened) closeSync(fd);
      addon.openFiles(limit);
    }
  });
});
