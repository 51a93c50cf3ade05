import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parsePid, readPidFile } from '../../src/registry/pid-file.ts';
import { tempDir } from './children.ts';

const texts: [text: string, pid: number | undefined][] = [
  ['2', 2],
  ['123\n', 123],
  ['123 anything\nmore', 123],
  ['123\tx', 123],
  ['123\r\n', 123],
  ['2147483647\n', 2147483647],
  ['2147483648\n', undefined],
  ['4294967298\n', undefined],
  ['99999999999999999999999', undefined],
  ['', undefined],
  ['\n', undefined],
  ['\n123', undefined],
  [' 123', undefined],
  ['0', undefined],
  ['1\n', 1],
  ['-5', undefined],
  ['-1\n', undefined],
  ['+5', undefined],
  ['0123', undefined],
  ['0x10', undefined],
  ['1e3', undefined],
  ['12.5', undefined],
  ['123abc', undefined],
  ['123\0', undefined],
  ['pid 5', undefined],
  ['١٢٣', undefined],
  ['\x7fELF\x02\x01', undefined],
];

describe('parsePid', () => {
  for (const [text, pid] of texts) {
    it(`reads ${JSON.stringify(text)} as ${pid}`, () => assert.equal(parsePid(text), pid));
  }

  it('makes no PID that may not get a signal, out of anything', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789+- \n') });
    const property = fc.property(fc.oneof(fc.string(), digits), (text) => {
      const pid = parsePid(text);
      if (pid === undefined) return;
      assert.ok(pid > 0 && pid < 2 ** 31);
      assert.ok(text.startsWith(String(pid)));
    });
    fc.assert(property);
  });
});

describe('readPidFile', () => {
  it('reads the start of a file only', (t) => {
    const path = join(tempDir(t), 'pid');
    for (const [junk, pid] of [
      ['9'.repeat(1 << 20), undefined],
      [`77\n${'x'.repeat(1 << 20)}`, 77],
    ] as const) {
      writeFileSync(path, junk);
      assert.equal(readPidFile(path)?.pid, pid);
    }
  });

  it('finds no PID in what is no file of text, and does not hang', (t) => {
    const dir = tempDir(t);
    mkdirSync(join(dir, 'dir'));
    writeFileSync(join(dir, 'file'), '77\n');
    symlinkSync(join(dir, 'file'), join(dir, 'link'));
    execFileSync('mkfifo', [join(dir, 'fifo')]);
    for (const name of ['dir', 'link', 'fifo']) {
      const file = readPidFile(join(dir, name));
      assert.ok(file);
      assert.equal(file.pid, undefined);
    }
    assert.equal(readPidFile(join(dir, 'missing')), undefined);
    assert.equal(readPidFile(join(dir, 'file', 'below')), undefined);
  });
});
