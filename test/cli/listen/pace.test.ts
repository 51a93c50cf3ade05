import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pace } from '../../../src/cli/listen/pace.ts';

/** Whether there is time after the last of some bits. */
function hasTime(pace: Pace, gap: number, from = 0): boolean {
  const times = [0, 1, 2, 3].map((n) => from + n * gap);
  return times.map((at) => pace.hasTimeAfter(at)).at(-1) === true;
}

describe('Pace', () => {
  it('draws between bits that come slowly, but not after a pause', () => {
    assert.equal(hasTime(new Pace(), 12), true);
    assert.equal(hasTime(new Pace(), 1), false);
    const pace = new Pace();
    hasTime(pace, 12);
    assert.equal(pace.hasTimeAfter(5000), false);
  });

  it('where drawing takes long, bits must come more slowly', () => {
    const pace = new Pace();
    pace.drew(15);
    assert.equal(hasTime(pace, 12), false);
    assert.equal(hasTime(pace, 40, 1000), true);
    for (let n = 0; n < 20; n++) pace.drew(1);
    assert.equal(hasTime(pace, 12, 2000), true);
  });
});
