import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Histogram } from '../src/histogram.ts';

const BOUNDS = [0.001, 0.01, 0.1];

describe('Histogram', () => {
  it('counts each duration in the first bucket that it fits, bounds included', () => {
    const histogram = new Histogram(BOUNDS);
    for (const ms of [0, 1, 1.1, 10, 100, 100.1, 5000]) histogram.add(ms);
    const { bounds, counts, sum } = histogram.counted;
    assert.deepEqual([bounds, counts], [BOUNDS, [2, 2, 1, 2]]);
    assert.equal(sum.toFixed(4), '5.2122');
  });

  it('takes a duration below 0 for 0', () => {
    const histogram = new Histogram(BOUNDS);
    histogram.add(-60_000);
    assert.deepEqual(histogram.counted, { bounds: BOUNDS, counts: [1, 0, 0, 0], sum: 0 });
  });

  it('does not change what it has given', () => {
    const histogram = new Histogram(BOUNDS);
    const before = histogram.counted;
    histogram.add(1);
    assert.deepEqual(before.counts, [0, 0, 0, 0]);
  });

  it('counts all of any durations', () => {
    const property = fc.property(fc.array(fc.double({ noNaN: true, max: 1e12 })), (all) => {
      const histogram = new Histogram(BOUNDS);
      for (const ms of all) histogram.add(ms);
      const { counts } = histogram.counted;
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        all.length,
      );
    });
    fc.assert(property);
  });
});
