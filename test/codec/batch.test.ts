import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeBatch, type Entry, encodeBatch, MAX_BATCH_MESSAGES } from '../../src/codec/batch.ts';
import { anyBody, anyFields } from './arbitraries.ts';
import { bytes, hex, utf8 } from './vectors.ts';

const anyEntry: fc.Arbitrary<Entry> = fc.record(
  { fields: fc.oneof(fc.constant({}), anyFields), body: anyBody },
  { noNullPrototype: true },
);
const anyEntries = fc.array(anyEntry, { minLength: 1, maxLength: 20 });

const many = (count: number): Entry[] =>
  Array.from({ length: count }, () => ({ fields: {}, body: utf8('x') }));

describe('a batch', () => {
  it('returns all entries as they were', () => {
    const property = fc.property(anyEntries, (entries) => {
      assert.deepEqual(decodeBatch(encodeBatch(entries), entries.length), entries);
    });
    fc.assert(property);
  });

  it('takes one byte for a short message that says nothing of its own', () => {
    assert.deepEqual(encodeBatch([{ fields: {}, body: utf8('hi') }]), hex('046869'));
    assert.deepEqual(encodeBatch([{ fields: {}, body: bytes() }]), hex('00'));
    const queue = { fields: { queue: 'q' }, body: utf8('yo') };
    assert.deepEqual(encodeBatch([queue]), hex('0503010171796f'));
  });

  it('is malformed with any other count', () => {
    const property = fc.property(anyEntries, fc.nat({ max: 300 }), (entries, count) => {
      fc.pre(count !== entries.length);
      // An empty body without fields is a zero byte: nothing else can be missed.
      assert.equal(decodeBatch(encodeBatch(entries), count), undefined);
    });
    fc.assert(property);
  });

  it('is malformed when it is cut anywhere, or something is behind it', () => {
    const property = fc.property(anyEntries, fc.nat(), (entries, at) => {
      const all = encodeBatch(entries);
      const cut = all.subarray(0, at % all.length);
      assert.equal(decodeBatch(cut, entries.length), undefined);
      assert.equal(decodeBatch(bytes(all, 0), entries.length), undefined);
    });
    fc.assert(property);
  });

  it('has 1 to 256 messages', () => {
    assert.equal(decodeBatch(encodeBatch(many(256)), 256)?.length, MAX_BATCH_MESSAGES);
    for (const count of [0, 257, 300]) {
      assert.equal(decodeBatch(encodeBatch(many(count)), count), undefined, `${count}`);
    }
    assert.equal(decodeBatch(bytes(), 0), undefined);
    assert.equal(decodeBatch(new Uint8Array(1000), Number.MAX_SAFE_INTEGER), undefined);
  });

  for (const [what, digits, expected] of [
    ['an unknown field that is critical', '01023f00', 'unsupported'],
    ['an unknown field that is not', '0102c800', [{ fields: {}, body: bytes() }]],
    ['no fields where it says that there are some', '0100', [{ fields: {}, body: bytes() }]],
    ['fields that are malformed', '03020205ff', undefined],
    ['fields longer than all that is there', '03ff7f01', undefined],
    ['fields whose length is cut', '0380', undefined],
    ['a body longer than all that is there', '0668', undefined],
    ['a body of 2^52 bytes', 'ffffffffffffff0f', undefined],
    ['a length of more than 2^53', 'ffffffffffffffff7f', undefined],
  ] as const) {
    it(`knows ${what}`, () => assert.deepEqual(decodeBatch(hex(digits), 1), expected));
  }

  it('never throws, whatever bytes come', () => {
    const count = fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: Number.MAX_SAFE_INTEGER }));
    const property = fc.property(fc.uint8Array({ max: 70 }), count, (junk, count) => {
      const entries = decodeBatch(junk, count);
      if (Array.isArray(entries)) assert.equal(entries.length, count);
    });
    fc.assert(property, { numRuns: 2000 });
  });
});
