import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { LongTimer } from '../src/long-timer.ts';

const DAY_MS = 86_400_000;
/** As setTimeout has it. */
const LONGEST_MS = 0x7fff_ffff;

/** A timer that counts how often it went off. */
function given(t: TestContext, ms: number) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let times = 0;
  const timer = new LongTimer(() => times++, ms);
  return { timer, times: () => times };
}

describe('LongTimer', () => {
  it('goes off once, when setTimeout would', (t) => {
    const { times } = given(t, 1000);
    t.mock.timers.tick(999);
    assert.equal(times(), 0);
    t.mock.timers.tick(1);
    assert.equal(times(), 1);
    t.mock.timers.tick(LONGEST_MS);
    assert.equal(times(), 1);
  });

  it('goes off after a year, not at once', (t) => {
    const { times } = given(t, 365 * DAY_MS);
    // A timer that is set within a tick of the mock begins at its end: an hour is what one is off by.
    const days = (count: number) => {
      for (let hour = 0; hour < count * 24; hour++) t.mock.timers.tick(DAY_MS / 24);
    };
    days(364);
    assert.equal(times(), 0);
    days(2);
    assert.equal(times(), 1);
  });

  it('does not go off when it is cleared, also when it was armed again', (t) => {
    const { timer, times } = given(t, 3 * LONGEST_MS);
    t.mock.timers.tick(LONGEST_MS);
    timer.clear();
    timer.clear();
    t.mock.timers.tick(LONGEST_MS);
    t.mock.timers.tick(LONGEST_MS);
    t.mock.timers.tick(LONGEST_MS);
    assert.equal(times(), 0);
  });

  it('does not keep a process alive that does not want it', () => {
    new LongTimer(() => {}, 30 * DAY_MS).unref(); // or this file would not end
  });
});
