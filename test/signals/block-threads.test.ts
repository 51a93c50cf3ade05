import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { loadAddon } from '../../src/signals/addon.ts';
import { blockInEveryThread } from '../../src/signals/block-threads.ts';
import { FakeAddon } from '../link/fakes.ts';

describe('blockInEveryThread', () => {
  // First: this process still has both signals open.
  it('fails when a thread keeps a signal open, having nudged it again and again', () => {
    const addon = new FakeAddon();
    const nudged: number[] = [];
    addon.nudge = (tid) => nudged.push(tid);
    assert.throws(() => blockInEveryThread(addon, 3), /a thread of this process keeps/);
    assert.equal(nudged.filter((tid) => tid === process.pid).length, 3);
    assert.ok(readdirSync('/proc/self/task').length > 1);
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
    blockInEveryThread(new FakeAddon(), 1); // finds nothing to do
  });
});
