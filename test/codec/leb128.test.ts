import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CodecError } from '../../src/codec/codec-error.ts';
import { encodeLeb128, readLeb128 } from '../../src/codec/leb128.ts';
import { bytes, hex, numbers } from './vectors.ts';

describe('LEB128', () => {
  for (const { value, bytes } of numbers) {
    it(`writes and reads ${value}`, () => {
      assert.deepEqual(encodeLeb128(value), bytes);
      assert.deepEqual(readLeb128(bytes, 0), { value, next: bytes.length });
    });
  }

  it('returns every safe integer, and where the next one starts', () => {
    const property = fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (value) => {
      const written = encodeLeb128(value);
      const read = readLeb128(bytes(255, written, 255), 1);
      assert.deepEqual(read, { value, next: 1 + written.length });
    });
    fc.assert(property);
  });

  for (const [why, digits] of [
    ['nothing', ''],
    ['an end inside', 'ff'],
    ['2^53', '8080808080808010'],
    ['the largest of eight bytes', 'ffffffffffffff7f'],
    ['nine bytes', '808080808080808000'],
  ] as const) {
    it(`does not read ${why}`, () => assert.equal(readLeb128(hex(digits), 0), undefined));
  }

  it('does not write what it could not read', () => {
    for (const value of [-1, 0.5, Number.NaN, 2 ** 53]) {
      assert.throws(() => encodeLeb128(value), CodecError);
    }
  });
});
