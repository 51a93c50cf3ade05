import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openRuntimeDir, resolveRuntimeDir } from '../../src/registry/runtime-dir.ts';
import { tempDir } from './children.ts';

const uid = process.getuid?.() ?? -1;
const mode = (path: string) => statSync(path).mode & 0o7777;

/** As if named by the user, or by default (through $XDG_RUNTIME_DIR). */
const named = (dir: string, create: boolean) => openRuntimeDir({ dir, env: {}, create });
const byDefault = (XDG_RUNTIME_DIR: string, create: boolean) =>
  openRuntimeDir({ env: { XDG_RUNTIME_DIR }, create });

function fails(exitCode: number, code: string, sentence: RegExp) {
  return (error: { exitCode: number; code: string; message: string }) => {
    assert.equal(error.exitCode, exitCode);
    assert.equal(error.code, code);
    assert.match(error.message, sentence);
    return true;
  };
}

describe('resolveRuntimeDir', () => {
  const env = { SIGMQ_DIR: '/b', XDG_RUNTIME_DIR: '/run/user/5' };
  const cases = [
    { request: { dir: '/a', env }, path: '/a', explicit: true },
    { request: { dir: 'a/', env }, path: resolve('a'), explicit: true },
    { request: { env }, path: '/b', explicit: true },
    { request: { env: { ...env, SIGMQ_DIR: '' } }, path: '/run/user/5/sigmq', explicit: false },
    { request: { env: { XDG_RUNTIME_DIR: '' } }, path: `/tmp/sigmq-${uid}`, explicit: false },
    { request: { env: { XDG_RUNTIME_DIR: 'here' } }, path: `/tmp/sigmq-${uid}`, explicit: false },
    { request: { env: {} }, path: `/tmp/sigmq-${uid}`, explicit: false },
  ];
  for (const { request, path, explicit } of cases) {
    it(`resolves ${JSON.stringify(request)}`, () => {
      assert.deepEqual(resolveRuntimeDir(request), { path, explicit });
    });
  }

  it('rejects an empty --dir', () => {
    assert.throws(() => resolveRuntimeDir({ dir: '', env }), fails(64, 'empty-dir', /empty/));
  });
});

describe('openRuntimeDir', () => {
  it('makes a nested directory, the last part 0700', (t) => {
    const dir = join(tempDir(t), 'a', 'b', 'c');
    assert.equal(named(dir, true), dir);
    assert.equal(mode(dir), 0o700);
    assert.equal(named(dir, true), dir);
    assert.equal(named(`${dir}/`, false), dir);
  });

  it('makes the default directory, but not the one above it', (t) => {
    const above = tempDir(t);
    assert.equal(byDefault(above, true), join(above, 'sigmq'));
    assert.equal(mode(join(above, 'sigmq')), 0o700);
    assert.throws(
      () => byDefault(join(above, 'x'), true),
      fails(73, 'cannot-create-dir', /ENOENT/),
    );
  });

  it('does not make a directory unless asked to', (t) => {
    const dir = join(tempDir(t), 'missing');
    assert.throws(
      () => named(dir, false),
      fails(69, 'no-broker', /No broker is running in .*missing/),
    );
    assert.throws(() => statSync(dir));
  });

  it('cannot make one below a file, nor with a name too long', (t) => {
    const file = join(tempDir(t), 'file');
    writeFileSync(file, '');
    assert.throws(
      () => named(join(file, 'sub'), true),
      fails(73, 'cannot-create-dir', /ENOTDIR|EEXIST/),
    );
    assert.throws(() => named(join(file, 'sub'), false), fails(69, 'no-broker', /No broker/));
    assert.throws(() => named(file, true), fails(73, 'not-a-dir', /not a directory/));
    assert.throws(
      () => named(`/tmp/${'x'.repeat(300)}`, true),
      fails(73, 'cannot-create-dir', /ENAMETOOLONG/),
    );
    assert.throws(
      () => named('/tmp/a\0b', true),
      fails(73, 'cannot-create-dir', /cannot be created/),
    );
  });

  it('cannot make one where only root may', { skip: uid === 0 && 'root may' }, () => {
    assert.throws(() => named('/sigmq-test', true), fails(73, 'cannot-create-dir', /EACCES|EROFS/));
  });

  for (const target of ['real', 'missing']) {
    it(`refuses a symbolic link to a ${target} directory`, (t) => {
      const above = tempDir(t);
      mkdirSync(join(above, 'real'), 0o700);
      symlinkSync(join(above, target), join(above, 'sigmq'));
      for (const open of [
        () => named(join(above, 'sigmq/'), true),
        () => byDefault(above, false),
      ]) {
        assert.throws(open, fails(77, 'unsafe-dir', /symbolic link/));
      }
    });
  }

  it('may lie below a symbolic link', (t) => {
    const above = tempDir(t);
    mkdirSync(join(above, 'real'));
    symlinkSync(join(above, 'real'), join(above, 'link'));
    assert.equal(
      realpathSync(named(join(above, 'link', 'x'), true)),
      realpathSync(join(above, 'real', 'x')),
    );
  });

  const modes: { mode: number; named: boolean; byDefault: boolean }[] = [
    { mode: 0o700, named: true, byDefault: true },
    { mode: 0o750, named: true, byDefault: false },
    { mode: 0o755, named: true, byDefault: false },
    { mode: 0o770, named: false, byDefault: false },
    { mode: 0o702, named: false, byDefault: false },
    { mode: 0o1777, named: false, byDefault: false },
    { mode: 0o500, named: false, byDefault: false },
  ];
  for (const row of modes) {
    it(`judges mode ${row.mode.toString(8)}`, (t) => {
      const above = tempDir(t);
      const dir = join(above, 'sigmq');
      mkdirSync(dir);
      chmodSync(dir, row.mode);
      const judge = (open: () => string, good: boolean) =>
        good
          ? assert.equal(open(), dir)
          : assert.throws(open, fails(77, 'unsafe-dir', new RegExp(row.mode.toString(8))));
      for (const create of [true, false]) {
        judge(() => named(dir, create), row.named);
        judge(() => openRuntimeDir({ env: { SIGMQ_DIR: dir }, create }), row.named);
        judge(() => byDefault(above, create), row.byDefault);
      }
      assert.equal(mode(dir), row.mode);
    });
  }

  it('refuses the directory of another user', (t) => {
    const dir = uid === 0 ? foreignDir(t) : '/usr';
    assert.throws(() => named(dir, false), fails(77, 'unsafe-dir', /belongs to user/));
    assert.throws(() => named(dir, true), fails(77, 'unsafe-dir', /belongs to user/));
  });
});

function foreignDir(t: TestContext): string {
  const dir = join(tempDir(t), 'foreign');
  mkdirSync(dir, 0o700);
  chownSync(dir, 65534, 65534);
  return dir;
}
