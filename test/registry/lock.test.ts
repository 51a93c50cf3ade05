import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { withLock } from '../../src/registry/lock.ts';
import { tempDir } from './children.ts';

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

  it('says that there is nowhere to put a lock', async (t) => {
    const file = join(tempDir(t), 'missing', 'file');
    await assert.rejects(
      withLock(file, () => {}),
      { code: 'cannot-write', exitCode: 73 },
    );
  });
});
