import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { textOf } from '../../src/codec/utf8.ts';
import { bytes } from './vectors.ts';

it('text is what comes back as the same bytes, a byte order mark with it; other bytes are none', () => {
  const property = fc.property(fc.string({ unit: 'grapheme' }), (text) => {
    for (const whole of [text, `\ufeff${text}`]) assert.equal(textOf(Buffer.from(whole)), whole);
  });
  fc.assert(property);
  for (const wrong of [bytes(0xff), bytes(0xc3), bytes(0xed, 0xa0, 0x80)]) {
    assert.equal(textOf(wrong), undefined);
  }
});
