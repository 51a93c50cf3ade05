import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  assertDeliverable,
  decodeFields,
  encodeFields,
  type MessageFields,
} from '../../src/codec/fields.ts';
import { MAX_FIELDS, MAX_FIELDS_BYTES } from '../../src/codec/limits.ts';
import { anyFields } from './arbitraries.ts';
import { bytes, hex } from './vectors.ts';

describe('fields', () => {
  it('returns all fields as they were', () => {
    const property = fc.property(anyFields, (fields) => {
      assert.deepEqual(decodeFields(encodeFields(fields)), fields);
    });
    fc.assert(property);
  });

  it('sends nothing for nothing', () => {
    assert.equal(encodeFields({}).length, 0);
    assert.equal(encodeFields({ headers: [] }).length, 0);
    assert.deepEqual(decodeFields(bytes()), {});
  });

  it('never throws on junk', () => {
    const property = fc.property(fc.uint8Array({ max: 70 }), (junk) => void decodeFields(junk));
    fc.assert(property);
  });

  for (const [what, digits, expected] of [
    ['an optional tag, known to later versions', 'c802ffff 020105', { priority: 5 }],
    ['a critical tag, known to later versions', '3f00', 'unsupported'],
    ['a tag without length', '02', undefined],
    ['a value that is cut', '020205', undefined],
    ['a length that is cut', '0280', undefined],
    ['a number without bytes', '0200', undefined],
    ['a byte behind a number', '02020500', undefined],
    ['the same number twice', '020105 020105', undefined],
    ['two queues', '010161 010162', undefined],
    ['a queue that is no UTF-8', '0102c328', undefined],
    ['a header without NUL', '420161', undefined],
    ['a header with NUL in its value', '420461006200', { headers: [['a', 'b\0']] }],
    ['a header that repeats', '42026100 42026100', { headers: ['a', 'a'].map((n) => [n, '']) }],
  ] as const) {
    it(`decodes ${what}`, () => {
      assert.deepEqual(decodeFields(hex(digits.replaceAll(' ', ''))), expected);
    });
  }

  it('is bounded in number and in bytes, on both sides', () => {
    const many = (count: number) => Array.from({ length: count }, () => ['', ''] as const);
    const most = encodeFields({ headers: many(MAX_FIELDS) });
    assert.notEqual(decodeFields(most), undefined);
    assert.equal(decodeFields(bytes(most, most)), undefined);

    const largest = encodeFields({ queue: 'q'.repeat(MAX_FIELDS_BYTES - 3) });
    assert.equal(largest.length, MAX_FIELDS_BYTES);
    assert.notEqual(decodeFields(largest), undefined);
    assert.equal(decodeFields(bytes(largest, hex('420100'))), undefined);
  });

  it('leaves room for what a delivery adds, or is not deliverable', () => {
    const value = (bytes: number) => [['k', 'v'.repeat(bytes)]] as const;
    const room = MAX_FIELDS_BYTES - 5; // tag, length, name and NUL
    const max = Number.MAX_SAFE_INTEGER;
    const id = {
      ...{ id: max, attempt: max, delivery: max, incarnation: max, releases: max },
      ...{ asked: 1, number: max, unpacked: max, packed: max },
    };
    for (let bytes = room - 80; bytes < room; bytes++) {
      const headers = value(bytes);
      let isDelivered = true;
      try {
        encodeFields({ headers, ...id });
      } catch {
        isDelivered = false;
      }
      const check = () => assertDeliverable({ headers });
      if (isDelivered) check();
      else assert.throws(check, { code: 'fields-too-large', exitCode: 65 });
    }
    assertDeliverable({});
    assert.throws(() => assertDeliverable({ queue: 'q'.repeat(MAX_FIELDS_BYTES - 3) }));
  });

  for (const [fields, code] of [
    [{ priority: -1 }, 'bad-number'],
    [{ delayMs: 0.5 }, 'bad-number'],
    [{ queue: '\ud800' }, 'bad-text'],
    [{ headers: [['a\0', 'b']] }, 'bad-text'],
    [{ headers: [['a', '\udc00']] }, 'bad-text'],
    [{ queue: 'q'.repeat(MAX_FIELDS_BYTES) }, 'fields-too-large'],
    [{ headers: Array.from({ length: MAX_FIELDS + 1 }, () => ['', '']) }, 'too-many-fields'],
  ] as [MessageFields, string][]) {
    it(`refuses to encode ${JSON.stringify(fields).slice(0, 40)}`, () => {
      assert.throws(() => encodeFields(fields), { name: 'CodecError', code, exitCode: 65 });
    });
  }
});
