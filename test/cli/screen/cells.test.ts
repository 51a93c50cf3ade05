import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { columnsOf, cut, padded } from '../../../src/cli/screen/cells.ts';

const RED = '\x1b[31m';
const PLAIN = '\x1b[39m';

describe('columnsOf', () => {
  for (const [text, columns] of [
    ['', 0],
    ['abc', 3],
    ['é', 1],
    ['e\u0301', 1],
    ['信号', 4],
    ['🚦', 2],
    [`${RED}abc${PLAIN}`, 3],
    ['▁█│', 3],
  ] as const) {
    it(`${JSON.stringify(text)}: ${columns}`, () => assert.equal(columnsOf(text), columns));
  }
});

describe('cut', () => {
  it('keeps what fits, and no half of a character', () => {
    assert.equal(cut('abc', 3), 'abc');
    assert.equal(cut('abc', 2), 'ab');
    assert.equal(cut('a信号', 4), 'a信');
    assert.equal(cut('abc', 0), '');
  });

  it('ends the colour where it cuts', () => {
    assert.equal(cut(`${RED}abc${PLAIN}`, 2), `${RED}ab\x1b[0m`);
    assert.equal(cut(`${RED}ab${PLAIN}`, 2), `${RED}ab${PLAIN}`);
  });

  it('is never wider than asked, and padded as wide, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(30), (text, columns) => {
        assert.ok(columnsOf(cut(text, columns)) <= columns);
        assert.equal(columnsOf(padded(text, columns)), columns);
      }),
    );
  });
});
