import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { crc32 } from '../../src/codec/crc32.ts';
import { checksums } from './vectors.ts';

describe('crc32', () => {
  for (const { name, bytes, crc } of checksums) {
    it(`knows ${name}`, () => assert.equal(crc32(bytes), crc));
  }

  it('agrees with zlib, whose gzip trailer holds it (RFC 1952)', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
      const gzip = gzipSync(bytes);
      assert.equal(crc32(bytes), gzip.readUInt32LE(gzip.length - 8));
    });
    fc.assert(property);
  });

  it('goes on where it was cut', () => {
    const property = fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      assert.equal(crc32(b, crc32(a)), crc32(Uint8Array.of(...a, ...b)));
    });
    fc.assert(property);
  });
});
