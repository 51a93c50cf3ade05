import assert from 'node:assert/strict';
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { BusFile, lockOffset } from '../../src/link/bus-record.ts';
import { tempDir } from '../registry/children.ts';

const RECORD = { generation: 0x01020304, pid: 0x0a0b0c, stamp: 1234.5 };
const TURN = { pid: 0x0d0e0f, at: 5678.25 };

describe('BusFile', () => {
  it('writes 32 little-endian bytes that another process reads', (t) => {
    const path = join(tempDir(t), 'bus');
    const file = new BusFile(path);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    file.write(RECORD);
    const expected = Buffer.alloc(32);
    expected.set([4, 3, 2, 1, 0x0c, 0x0b, 0x0a, 0]);
    expected.writeDoubleLE(1234.5, 8);
    assert.deepEqual(readFileSync(path), expected);
    const other = new BusFile(path);
    assert.deepEqual(other.read(), { ...RECORD, turn: undefined });
    file.close();
    other.close();
  });

  it('writes a turn beside the rest, and none with the next record', (t) => {
    const path = join(tempDir(t), 'bus');
    const file = new BusFile(path);
    file.write(RECORD);
    const before = readFileSync(path);
    const other = new BusFile(path);
    other.writeTurn(TURN);
    const expected = Buffer.from(before);
    expected.set([0x0f, 0x0e, 0x0d, 0], 16);
    expected.writeDoubleLE(5678.25, 20);
    assert.deepEqual(readFileSync(path), expected);
    assert.deepEqual(file.read(), { ...RECORD, turn: TURN });
    file.write(RECORD);
    assert.deepEqual(readFileSync(path), before);
    assert.deepEqual(other.read(), { ...RECORD, turn: undefined });
    file.close();
    other.close();
  });

  it('says that its directory is gone, as if there were no broker', (t) => {
    const path = join(tempDir(t), 'gone', 'bus');
    assert.throws(() => new BusFile(path), {
      code: 'no-broker',
      exitCode: 69,
      message: /gone has/,
    });
  });

  it('reads a record of zeros as nobody, and as no turn', (t) => {
    const path = join(tempDir(t), 'bus');
    writeFileSync(path, Buffer.alloc(32));
    const file = new BusFile(path);
    assert.deepEqual(file.read(), { generation: 0, pid: 0, stamp: 0, turn: undefined });
    file.close();
  });

  it('has room for a whole record at once, and for a turn before the first holder', (t) => {
    const path = join(tempDir(t), 'bus');
    const file = new BusFile(path);
    assert.deepEqual(readFileSync(path), Buffer.alloc(32));
    file.writeTurn(TURN);
    new BusFile(path).close(); // its last byte is still zero
    assert.deepEqual(file.read(), { generation: 0, pid: 0, stamp: 0, turn: TURN });
    file.close();
  });

  it('reads a new or a cut file as nobody', (t) => {
    const path = join(tempDir(t), 'bus');
    for (const text of ['', 'x'.repeat(31)]) {
      writeFileSync(path, text);
      const file = new BusFile(path);
      assert.deepEqual(file.read(), { generation: 0, pid: 0, stamp: 0, turn: undefined });
      file.close();
    }
  });

  it('follows no link', (t) => {
    const dir = tempDir(t);
    symlinkSync(join(dir, 'elsewhere'), join(dir, 'bus'));
    assert.throws(() => new BusFile(join(dir, 'bus')), { code: 'not-a-file' });
  });
});

it('lockOffset is one byte for each generation, and a 32-bit integer', () => {
  assert.deepEqual([0, 1, 2].map(lockOffset), [64, 65, 66]);
  assert.ok(lockOffset(0xffff_ffff) < 2 ** 31);
  assert.notEqual(lockOffset(0xffff_ffff), lockOffset(0));
});
