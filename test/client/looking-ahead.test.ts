import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lookingAhead } from '../../src/client/looking-ahead.ts';

/** Three numbers, or two and an error, and what was asked of who makes them. */
function given(fails = false) {
  const log: unknown[] = [];
  function* numbers() {
    try {
      for (let n = 1; n <= 3; n++) {
        if (fails && n === 3) throw new Error('no third');
        log.push(n);
        yield n;
      }
    } finally {
      log.push('over');
    }
  }
  return { numbers, log };
}

describe('lookingAhead', () => {
  it('gives the same items, whether somebody looks at the next ones or not', () => {
    for (const looks of [[], [1], [2], [1, 2, 3]]) {
      const { numbers, log } = given();
      const got: unknown[] = [];
      for (const { item, following } of lookingAhead(numbers())) {
        const isLooking = looks.includes(item);
        if (isLooking) assert.equal(following(), item === 3 ? undefined : item + 1);
        if (isLooking) assert.equal(following(), item === 3 ? undefined : item + 1);
        assert.equal(log.includes(item + 1), isLooking && item < 3);
        got.push(item);
      }
      assert.deepEqual(got, [1, 2, 3]);
      assert.deepEqual(log, [1, 2, 3, 'over']);
    }
  });

  it('fails no earlier than who makes them would have failed', () => {
    const { numbers } = given(true);
    const got: unknown[] = [];
    const all = () => {
      for (const { item, following } of lookingAhead(numbers())) {
        assert.equal(following(), item === 1 ? 2 : undefined);
        assert.equal(following(), item === 1 ? 2 : undefined);
        got.push(item);
      }
    };
    assert.throws(all, /no third/);
    assert.deepEqual(got, [1, 2]);
  });

  it('ends who makes them when it is left', () => {
    const { numbers, log } = given();
    for (const { following } of lookingAhead(numbers())) {
      following();
      break;
    }
    assert.deepEqual(log, [1, 2, 'over']);
  });
});
