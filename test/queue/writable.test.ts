/** A store that may not be written says why, whoever asks: root, too, whom permissions do not stop. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { storeErrors } from '../../src/queue/errors.ts';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import { assertWritable } from '../../src/queue/sqlite/writable.ts';
import { tempDir } from '../registry/children.ts';

it('is refused on a read-only file system, with and without a store', (t) => {
  const folder = join(tempDir(t), 'small');
  mkdirSync(folder);
  const options = ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'tmpfs', folder];
  if (spawnSync('mount', options).status !== 0) {
    t.skip('SKIPPED: no tmpfs can be mounted here; needs root');
    return;
  }
  const remount = (how: string) => spawnSync('mount', ['-o', `remount,${how}`, folder]);
  const open = () => SqliteStore.open(folder, DEFAULT_POLICY, 'always');
  try {
    remount('ro');
    assert.throws(open, { exitCode: 73, message: /read-only file system/ });
    remount('rw');
    for (const name of ['queue.db', 'queue.lock'])
      writeFileSync(join(folder, name), '', { mode: 0o600 });
    remount('ro');
    assert.throws(open, {
      code: 'store-not-writable',
      exitCode: 73,
      message: `The store cannot be used: ${folder} is on a read-only file system.`,
    });
  } finally {
    spawnSync('umount', ['-l', folder]);
  }
});

it('is refused without the permission', { skip: process.getuid?.() === 0 && 'root may' }, (t) => {
  const folder = tempDir(t);
  chmodSync(folder, 0o500);
  assert.throws(() => assertWritable(folder), { code: 'store-not-writable', exitCode: 73 });
});

it('has a sentence for each reason', () => {
  const sentence = (code: string) =>
    storeErrors.notWritable('/s', Object.assign(new Error('why'), { code })).message;
  assert.equal(sentence('EROFS'), 'The store cannot be used: /s is on a read-only file system.');
  assert.match(sentence('EACCES'), /\/s is read-only for you: its permissions do not let you/);
  assert.match(sentence('EIO'), /\/s cannot be read and written \(why\)\.$/);
});

it('is fine with a folder of ours, empty or not', async (t) => {
  const folder = tempDir(t);
  assertWritable(folder);
  await SqliteStore.open(folder, DEFAULT_POLICY, 'always').close();
  assertWritable(folder);
});
