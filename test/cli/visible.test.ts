import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { oneLine, visible } from '../../src/cli/visible.ts';

const shown = (text: string) => visible(Buffer.from(text));

it('visible writes what could steer a terminal as an escape', () => {
  assert.equal(shown('\u001b]0;x\u0007'), '\\x1b]0;x\\x07');
  assert.equal(shown('a\rb\u0000c\u007f'), 'a\\x0db\\x00c\\x7f');
  assert.equal(shown('\u009b2J'), '\\x9b2J');
  assert.equal(shown('user\u202etxt.exe'), 'user\\u202etxt.exe');
});

it('visible leaves newlines, tabs and text alone', () => {
  assert.equal(shown('größer\n\t日本 🐟'), 'größer\n\t日本 🐟');
});

it('oneLine leaves neither newlines nor tabs', () => {
  assert.equal(oneLine('a\n\tb\u001b[2J'), 'a\\n\\tb\\x1b[2J');
});

it('visible leaves no control character in any bytes', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    assert.doesNotMatch(visible(bytes), /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/u);
  });
  fc.assert(property);
});
