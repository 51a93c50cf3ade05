import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openBody } from '../../src/cli/job-input.ts';
import { tempDir } from '../registry/children.ts';

function withTmpdir(t: TestContext, folder: string): void {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  t.after(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
}

describe('openBody', () => {
  it('gives a file without a name that only its owner may read, from its beginning', (t) => {
    const [folder, other] = [tempDir(t), tempDir(t)];
    withTmpdir(t, folder);
    const body = Buffer.alloc(300_000, 'größer');
    const fd = openBody(body, other);
    const { nlink, mode, size } = fstatSync(fd);
    assert.deepEqual([nlink, mode & 0o777, size], [0, 0o600, body.length]);
    assert.deepEqual([...readdirSync(folder), ...readdirSync(other)], []);
    // As `cat /dev/stdin` does.
    const again = openSync(`/proc/self/fd/${fd}`, 'r');
    assert.ok(readFileSync(again).equals(body));
    const start = Buffer.alloc(8);
    readSync(fd, start);
    assert.ok(start.equals(body.subarray(0, 8)));
    closeSync(again);
    closeSync(fd);
  });

  it('takes the other folder when there is no place for temporary files', (t) => {
    const other = tempDir(t);
    withTmpdir(t, join(other, 'missing'));
    const fd = openBody(Buffer.from('x'), other);
    assert.equal(readFileSync(fd, 'utf8'), 'x');
    closeSync(fd);
    assert.throws(() => openBody(Buffer.from('x'), '/no/such/folder'), { code: 'ENOENT' });
  });
});
