import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { preview } from '../../src/cli/preview.ts';

const shown = (text: string, bytes?: number) => {
  const body = Buffer.from(text);
  return preview({ body: body.subarray(0, bytes ?? body.length), bytes: body.length });
};

describe('preview', () => {
  it('shows what is short as it is, on one line', () => {
    assert.equal(shown('hello'), 'hello');
    assert.equal(shown('a\nb\tc\x07'), 'a\\nb\\tc\\x07');
    assert.equal(shown(''), '');
  });

  it('shows sixty characters of what is long, and that there is more', () => {
    assert.equal(shown('x'.repeat(60)), 'x'.repeat(60));
    assert.equal(shown('x'.repeat(61)), `${'x'.repeat(60)}…`);
    assert.equal(shown('x'.repeat(1000), 200), `${'x'.repeat(60)}…`);
  });

  it('cuts no character in half: of bytes, of code units, of code points, of an escape', () => {
    for (const character of ['ä', '€', '🚦', '👨‍👩‍👧‍👦', 'e\u0301', '🇩🇪']) {
      for (let bytes = 1; bytes <= 200; bytes++) {
        const text = shown(character.repeat(200), bytes);
        assert.equal(text.replaceAll(character, ''), '…', `${character}, ${bytes} bytes`);
      }
      assert.equal(shown(character.repeat(61)), `${character.repeat(60)}…`);
    }
    assert.equal(shown(`${'x'.repeat(58)}\x07y`), `${'x'.repeat(58)}…`);
  });
});
