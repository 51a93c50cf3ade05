import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CobsReader, cobsDecode, cobsEncode, cobsMaxBytes } from '../../src/codec/cobs.ts';
import { anyBody } from './arbitraries.ts';
import { bytes, hex, range, stuffings } from './vectors.ts';

describe('COBS', () => {
  for (const { name, raw, stuffed } of stuffings) {
    it(`encodes and decodes ${name}`, () => {
      assert.deepEqual(cobsEncode(raw), stuffed);
      assert.deepEqual(cobsDecode(stuffed), raw);
    });
  }

  it('returns all bytes as they were, without a zero on the way, within its bound', () => {
    const property = fc.property(anyBody, (raw) => {
      const stuffed = cobsEncode(raw);
      assert.ok(!stuffed.includes(0));
      assert.ok(stuffed.length <= cobsMaxBytes(raw.length));
      if (raw.length <= 254) assert.equal(stuffed.length, raw.length + 1);
      assert.deepEqual(cobsDecode(stuffed), raw);
    });
    fc.assert(property);
  });

  it('reads what comes in whatever parts', () => {
    const property = fc.property(anyBody, fc.infiniteStream(fc.nat({ max: 300 })), (raw, sizes) => {
      const stuffed = cobsEncode(raw);
      const reader = new CobsReader();
      const read: number[] = [];
      for (let at = 0; at < stuffed.length; ) {
        const end = at + (sizes.next().value as number);
        read.push(...(reader.take(stuffed.subarray(at, end)) ?? assert.fail('malformed')));
        at = end;
      }
      assert.deepEqual(read, [...raw]);
    });
    fc.assert(property);
    assert.equal(new CobsReader().take(bytes(3, 1, 0)), undefined);
  });

  it('reads the other form of 254 bytes, with an empty last block', () => {
    assert.deepEqual(cobsDecode(bytes(255, range(1, 254), 1)), range(1, 254));
  });

  for (const malformed of ['', '00', '02', '0311', '020102', '030011', '01020100']) {
    it(`rejects '${malformed}'`, () => assert.equal(cobsDecode(hex(malformed)), undefined));
  }

  it('never throws on junk, nor makes more of it', () => {
    const property = fc.property(anyBody, (junk) => {
      assert.ok((cobsDecode(junk)?.length ?? 0) <= junk.length);
    });
    fc.assert(property);
  });
});
