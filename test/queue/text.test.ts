import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { wholeCharacters } from '../../src/queue/text.ts';

it('wholeCharacters cuts a text anywhere, and no character in half', () => {
  const property = fc.property(fc.string({ unit: 'binary' }), fc.nat({ max: 40 }), (text, at) => {
    const whole = Buffer.from(text);
    const cut = whole.subarray(0, at);
    const kept = Buffer.from(wholeCharacters(cut));
    assert.ok(cut.length - kept.length < 4);
    assert.ok(text.startsWith(kept.toString()));
    if (cut.length === whole.length) assert.deepEqual(kept, whole);
  });
  fc.assert(property);
});

it('wholeCharacters never throws for what is no text, and takes at most three bytes', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
    assert.ok(bytes.length - wholeCharacters(bytes).length < 4);
  });
  fc.assert(property);
});
