import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Turns } from '../../src/broker/turns.ts';

/** Takes so many turns. */
function taken(turns: Turns, open: readonly boolean[], count: number): number[] {
  return Array.from({ length: count }, () => {
    const [next = -1] = turns.plan(open, 1);
    turns.take(next, open);
    return next;
  });
}

describe('Turns', () => {
  it('are in proportion to the weights, and spread', () => {
    const turns = new Turns([5, 1, 1]);
    assert.deepEqual(taken(turns, [true, true, true], 7), [0, 0, 1, 0, 2, 0, 0]);
    assert.deepEqual(taken(turns, [true, true, true], 7), [0, 0, 1, 0, 2, 0, 0]);
  });

  it('leave out those that take no part, who are owed nothing for it', () => {
    const turns = new Turns([3, 1]);
    assert.deepEqual(taken(turns, [false, true], 100), new Array(100).fill(1));
    assert.deepEqual(taken(turns, [true, true], 4), [0, 0, 1, 0]);
    assert.deepEqual(turns.plan([false, false], 3), []);
  });

  it('are planned as they will be, and none is taken', () => {
    const turns = new Turns([2, 3]);
    const open = [true, true];
    const plan = turns.plan(open, 10);
    assert.deepEqual(turns.plan(open, 10), plan);
    assert.deepEqual(taken(turns, open, 10), plan);
  });

  it('give each its share in every stretch, whatever the weights', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }),
        (weights) => {
          const total = weights.reduce((sum, weight) => sum + weight);
          const turns = new Turns(weights);
          const got = taken(
            turns,
            weights.map(() => true),
            3 * total,
          );
          for (let from = 0; from <= 2 * total; from++) {
            const round = got.slice(from, from + total);
            for (const [n, weight] of weights.entries())
              assert.equal(round.filter((one) => one === n).length, weight);
          }
        },
      ),
    );
  });
});
