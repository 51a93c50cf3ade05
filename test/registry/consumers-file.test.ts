import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  consumersPath,
  MAX_CONSUMERS_BYTES,
  MAX_CONSUMERS_LINES,
  parseConsumers,
  readConsumers,
  startOf,
} from '../../src/registry/consumers-file.ts';
import { tempDir } from './children.ts';

const pids = (text: string) => parseConsumers(text, 0).map((line) => line.pid);

describe('parseConsumers', () => {
  it('reads lines of ours and of others', () => {
    const lines = parseConsumers(
      '77 start=500 queues=a,b%20c jobs=2\n78\n79 hello =x y= z=%\njunk\n\n80',
      0,
    );
    assert.deepEqual(
      lines.map(({ raw, pid, attrs }) => ({ raw, pid, attrs: Object.fromEntries(attrs) })),
      [
        {
          raw: '77 start=500 queues=a,b%20c jobs=2',
          pid: 77,
          attrs: { start: '500', queues: 'a,b c', jobs: '2' },
        },
        { raw: '78', pid: 78, attrs: {} },
        { raw: '79 hello =x y= z=%', pid: 79, attrs: { y: '', z: '%' } },
        { raw: 'junk', pid: undefined, attrs: {} },
        { raw: '', pid: undefined, attrs: {} },
        { raw: '80', pid: 80, attrs: {} },
      ],
    );
    assert.deepEqual(lines.map(startOf), [
      500,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('takes no junk for a PID', () => {
    assert.deepEqual(
      new Set(pids('0\n-5\n99999999999\n 7\n7x\n__proto__=1\n')),
      new Set([undefined]),
    );
  });

  it('takes no junk for a start time', () => {
    for (const start of ['', '0', '-1', '1.5', 'x', '9'.repeat(20)]) {
      assert.deepEqual(parseConsumers(`77 start=${start}`, 0).map(startOf), [undefined]);
    }
  });

  it('keeps all text, whatever it is', () => {
    const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
      const again = parseConsumers(text, 0).map((line) => `${line.raw}\n`);
      assert.equal(again.join(''), text === '' || text.endsWith('\n') ? text : `${text}\n`);
    });
    fc.assert(property);
  });

  it('is bounded', () => {
    assert.equal(parseConsumers('\n'.repeat(MAX_CONSUMERS_LINES), 0).length, MAX_CONSUMERS_LINES);
    assert.equal(parseConsumers('\n'.repeat(1 << 20), 0).length, MAX_CONSUMERS_LINES + 1);
  });
});

describe('readConsumers', () => {
  it('takes a missing file for an empty one', (t) =>
    assert.deepEqual(readConsumers(tempDir(t)), []));

  it('reads so many bytes, and no half line', (t) => {
    const dir = tempDir(t);
    const line = `123456 ${'x'.repeat(1000)}\n`;
    writeFileSync(consumersPath(dir), line.repeat(5000));
    const lines = readConsumers(dir);
    assert.equal(lines.length, Math.floor(MAX_CONSUMERS_BYTES / line.length));
    assert.ok(lines.every(({ raw }) => `${raw}\n` === line));
    writeFileSync(consumersPath(dir), '9'.repeat(2 * MAX_CONSUMERS_BYTES));
    assert.deepEqual(readConsumers(dir), []);
  });
});
