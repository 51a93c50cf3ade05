import assert from 'node:assert/strict';
import fs, {
  existsSync,
  readdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { BusQueue, call, type Waiter } from '../../src/link/bus-queue.ts';
import { tempDir } from '../registry/children.ts';
import { fakeTable, SELF } from '../registry/fake-table.ts';

const LONG_AGO = new Date(1e9);

function given(t: TestContext, ...processes: Parameters<typeof fakeTable>) {
  const dir = join(tempDir(t), 'bus.wait');
  const queue = new BusQueue(dir, fakeTable(...processes));
  /** Puts a file there that was touched long ago. */
  const put = (name: string) => {
    writeFileSync(join(dir, name), '');
    utimesSync(join(dir, name), LONG_AGO, LONG_AGO);
    return name;
  };
  /** @returns the name of its file */
  const enter = (stamp: number, onTurn = () => {}) => {
    const before = new Set(readdirSync(dir));
    const ticket = queue.enter(stamp, 500, onTurn);
    assert.ok(ticket);
    t.after(() => ticket.leave());
    return put(readdirSync(dir).find((name) => !before.has(name)) as string);
  };
  const next = () => {
    const waiter = queue.next();
    return waiter && basename(waiter.path);
  };
  /** One inotify instance tells of all files, in order: who hears of a new one has heard of what went before. */
  const heardAll = () =>
    new Promise<void>((resolve) => {
      const path = join(dir, '..', 'last');
      writeFileSync(path, '');
      const watcher = watch(path, () => {
        watcher.close();
        resolve();
      });
      utimesSync(path, LONG_AGO, LONG_AGO);
    });
  return { dir, queue, put, enter, next, heardAll };
}

describe('BusQueue', () => {
  it('sorts by age, whatever the uptime', (t) => {
    const { dir, enter } = given(t);
    const names = [0, 9.5, 10, 1e6, 9e11].map((stamp) => enter(stamp));
    assert.deepEqual(readdirSync(dir).sort(), names);
    assert.equal(names[1], `000000000009500-${SELF}-500`);
  });

  it('names the oldest, which alone hears when it is called', async (t) => {
    const { dir, queue, enter, heardAll } = given(t);
    const called: string[] = [];
    const younger = enter(2, () => called.push('younger'));
    const older = enter(1, () => called.push('older'));
    await heardAll(); // of `put`, too
    called.length = 0;
    const next = queue.next();
    assert.deepEqual(next, { pid: SELF, path: join(dir, older) });
    assert.equal(call(next), true);
    await heardAll();
    assert.deepEqual([...new Set(called)], ['older']);
    assert.notEqual(statSync(join(dir, older)).mtimeMs, LONG_AGO.getTime());
    assert.equal(statSync(join(dir, younger)).mtimeMs, LONG_AGO.getTime());
  });

  it('names nobody when nobody waits', (t) => {
    const { queue } = given(t);
    assert.equal(queue.next(), undefined);
  });

  it('tells when who is called has left the line, and touches nothing through a link', (t) => {
    const { dir, queue, put, next } = given(t, { pid: 71 });
    const name = put('1-71-500');
    assert.equal(next(), name);
    const waiter = queue.next() as Waiter;
    unlinkSync(waiter.path);
    assert.equal(call(waiter), false);
    const outside = join(dir, '..', 'outside');
    writeFileSync(outside, '');
    utimesSync(outside, LONG_AGO, LONG_AGO);
    symlinkSync(outside, waiter.path);
    assert.equal(call(waiter), true);
    assert.equal(statSync(outside).mtimeMs, LONG_AGO.getTime());
  });

  it('forgets who ended, and leaves alone what is no ticket; passes over who is stopped', (t) => {
    const { dir, put, enter, next } = given(
      t,
      { pid: 71, state: 'Z' },
      { pid: 72, state: 'X' },
      { pid: 73, start: 501 },
      { pid: 74, state: 'T' },
      { pid: 75, state: 't' },
      { pid: 76, state: 'R' },
    );
    for (const name of ['junk', '1-70-500', '2-71-500', '3-72-500', '4-73-500']) put(name);
    const stopped = [put('5-74-500'), put('6-75-500')];
    const able = put('7-76-500');
    const name = enter(9e11); // in front of them all: its digits are padded
    unlinkSync(join(dir, name));
    assert.equal(next(), able);
    assert.deepEqual(readdirSync(dir).sort(), [...stopped, able, 'junk']);
    unlinkSync(join(dir, able));
    assert.equal(next(), undefined);
    assert.deepEqual(readdirSync(dir), [...stopped, 'junk']);
  });

  it('says who hears of its turn: not who has no watch left', (t) => {
    const { queue } = given(t);
    const hears = () => {
      const ticket = queue.enter(1, 500, () => {});
      ticket?.leave();
      return ticket?.hears;
    };
    assert.equal(hears(), true);
    t.mock.method(fs, 'watch', () => {
      throw Object.assign(new Error('inotify'), { code: 'EMFILE' });
    });
    syncBuiltinESMExports();
    assert.equal(hears(), false);
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });

  it('leaves the line, also when somebody took us for dead', (t) => {
    const { dir, queue } = given(t);
    const ticket = queue.enter(1, 500, () => {});
    assert.ok(ticket);
    const [name] = readdirSync(dir) as [string];
    assert.ok(existsSync(join(dir, name)));
    unlinkSync(join(dir, name));
    ticket.leave();
    assert.deepEqual(readdirSync(dir), []);
  });
});
