import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { withLock } from '../../src/registry/lock.ts';
import { tempDir, until } from './children.ts';

describe('withLock', () => {
  it('passes on what the work returns or throws, and unlocks', async (t) => {
    const dir = tempDir(t);
    const file = join(dir, 'file');
    const seen = await withLock(file, (assertHeld) => {
      assertHeld();
      return readdirSync(dir);
    });
    assert.deepEqual(seen, ['file.lock']);
    await assert.rejects(
      withLock(file, () => {
        throw new Error('of the work');
      }),
      /of the work/,
    );
    assert.deepEqual(readdirSync(dir), []);
  });

  it('waits for another holder', async (t) => {
    const file = join(tempDir(t), 'file');
    mkdirSync(`${file}.lock`);
    let released = false;
    const waiting = withLock(file, () => assert.ok(released));
    await new Promise((resolve) => setImmediate(resolve));
    released = true;
    rmdirSync(`${file}.lock`);
    await waiting;
  });

  it('starts over when it lost the lock, and leaves the lock to who has it', async (t) => {
    const file = join(tempDir(t), 'file');
    let runs = 0;
    let thief = true;
    await withLock(file, (assertHeld) => {
      runs++;
      if (!thief) return assertHeld();
      thief = false;
      rmdirSync(`${file}.lock`);
      mkdirSync(`${file}.lock`);
      setImmediate(() => rmdirSync(`${file}.lock`)); // fails the test if it is gone
      assertHeld();
    });
    assert.equal(runs, 2);
  });

  it('takes over a lock whose holder was killed, and not one that is renewed', async (t) => {
    const file = join(tempDir(t), 'file');
    const old = (Date.now() - 60_000) / 1000;
    mkdirSync(`${file}.lock`);
    utimesSync(`${file}.lock`, old, old);
    let held = true;
    // As proper-lockfile does, but with a wall clock that is a minute late.
    let renewals = 0;
    const renewing = setInterval(() => {
      renewals++;
      const late = (Date.now() - 60_000) / 1000;
      utimesSync(`${file}.lock`, late, late);
    }, 50);
    const waiting = withLock(file, () => assert.equal(held, false));
    await until(() => renewals > 12); // many looks of the waiter
    clearInterval(renewing);
    held = false;
    await waiting;
  });

  it('takes over a lock from before the clock was set back', async (t) => {
    const file = join(tempDir(t), 'file');
    const future = Date.now() / 1000 + 3600;
    mkdirSync(`${file}.lock`);
    utimesSync(`${file}.lock`, future, future);
    await withLock(file, () => {});
  });

  it('says that there is nowhere to put a lock', async (t) => {
    const file = join(tempDir(t), 'missing', 'file');
    await assert.rejects(
      withLock(file, () => {}),
      { code: 'cannot-write', exitCode: 73 },
    );
  });
});
