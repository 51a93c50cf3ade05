import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Addon, Exchange, loadAddon, PAIR } from '../../src/signals/addon.ts';
import { blockInEveryThread } from '../../src/signals/block-threads.ts';
import { blocker, gonePid, tempDir, until } from '../registry/children.ts';

const MODULE = new URL('../../src/signals/addon.js', import.meta.url).href;
const EAGAIN = 11;
const EBADF = 9;
const ESRCH = 3;

it('loadAddon says in another process why there is none', () => {
  const program = `import { loadAddon } from ${JSON.stringify(MODULE)};
console.log(JSON.stringify([loadAddon(), loadAddon() === loadAddon()]));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, SIGMQ_PLAIN: '1' },
  });
  assert.deepEqual(JSON.parse(output.toString()), [{ why: 'SIGMQ_PLAIN=1 is set' }, true]);
});

const { addon: loaded, why } = loadAddon();
const addon = loaded as Addon;

describe('the addon', { skip: why ?? false }, () => {
  const self = process.pid;
  /** After however long a pause. */
  const exchange: Addon['exchange'] = (...args) => {
    addon.clearGap();
    return addon.exchange(...args);
  };

  it('is loaded once', () => {
    assert.equal(loadAddon().addon, addon);
  });

  it('tells of a thread that is not there', () => {
    assert.equal(addon.nudge(2 ** 22 + 1), ESRCH);
  });

  it('hands out what is pending, 0 before 1, and says who sent it', () => {
    blockInEveryThread(addon);
    assert.equal(exchange(0, 0, 0, -1), Exchange.None);
    assert.equal(exchange(self, 1, -1, -1), 0);
    assert.equal(exchange(self, 0, -1, -1), 0);
    assert.equal(exchange(0, 0, 0, -1), self * 2);
    assert.equal(exchange(self, PAIR, 1000, -1), self * 2); // the 1 of before is swallowed
    assert.equal(exchange(0, 0, 0, -1), self * 2 + 1);
    assert.equal(exchange(0, 0, 0, -1), Exchange.None);
  });

  it('waits no longer than it is told', () => {
    const before = addon.monotonic();
    assert.equal(exchange(0, 0, 2000, -1), Exchange.None);
    assert.ok(addon.monotonic() - before >= 2);
  });

  it('sends nothing after a pause of 100 ms until that is cleared', async () => {
    const since = performance.now();
    await until(() => performance.now() - since > 150);
    assert.equal(addon.exchange(self, 0, -1, -1), Exchange.Gap);
    assert.equal(addon.exchange(self, 0, -1, -1), Exchange.Gap);
    assert.equal(addon.exchange(0, 0, 0, -1), Exchange.None);
    addon.clearGap();
    assert.equal(addon.exchange(self, 0, 0, -1), self * 2);
  });

  it('cannot reach who is gone', async (t) => {
    const pid = await gonePid(t);
    assert.equal(exchange(pid, 0, -1, -1), Exchange.Unreachable);
    assert.equal(exchange(pid, 1, -1, -1), Exchange.Unreachable);
    assert.equal(addon.pidfd(pid), -1);
  });

  it('wakes from a wait when the peer ends, and calls back', async (t) => {
    const peer = await blocker(t);
    const waits = addon.pidfd(peer.pid);
    const watched = addon.pidfd(peer.pid);
    assert.ok(waits > 2 && watched > 2);
    let calls = 0;
    const watcher = addon.watch(watched, () => calls++, false);
    await peer.kill('SIGKILL');
    assert.equal(exchange(0, 0, 1_000_000, waits), Exchange.Ended);
    await until(() => calls > 0);
    addon.unwatch(watcher);
  });

  it('calls back for a signal only while it is armed', async () => {
    let calls = 0;
    const watcher = addon.watch(-1, () => calls++, true);
    addon.arm(watcher, false);
    exchange(self, 0, -1, -1);
    for (let n = 0; n < 10; n++) await turn();
    assert.equal(calls, 0);
    addon.arm(watcher, true);
    await until(() => calls > 0);
    assert.equal(exchange(0, 0, 0, -1), self * 2);
    addon.unwatch(watcher);
  });

  it('cannot watch what is no descriptor', () => {
    assert.throws(() => addon.watch(9999, () => {}, false), /cannot watch/);
  });

  it('locks one byte of a file for one open file description', (t: TestContext) => {
    const path = join(tempDir(t), 'bus');
    const [one, two] = [openSync(path, 'w+'), openSync(path, 'r+')];
    assert.equal(addon.lock(one, 64, 1), 0);
    assert.equal(addon.lock(one, 64, 1), 0);
    assert.equal(addon.lock(two, 64, 1), EAGAIN);
    assert.equal(addon.lock(two, 65, 1), 0);
    assert.equal(addon.lock(one, 64, 0), 0);
    assert.equal(addon.lock(two, 64, 1), 0);
    assert.equal(addon.lock(9999, 64, 1), EBADF);
  });

  it('knows whether a write would block', () => {
    assert.equal(addon.writable(openSync('/dev/null', 'w')), 1);
    assert.equal(addon.writable(9999), 0);
  });
});
