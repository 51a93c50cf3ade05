import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { AckWait } from '../../src/broker/ack-wait.ts';
import { FakeClock } from '../link/fakes.ts';

function given(t: TestContext, waitMs: number) {
  const clock = new FakeClock(t);
  let times = 0;
  const wait = new AckWait(waitMs, () => times++);
  t.after(() => wait.stop());
  return { clock, wait, times: () => times };
}

describe('AckWait', () => {
  for (const ms of [10, 1000, 90_000]) {
    it(`is over after its time, once (${ms} ms)`, async (t) => {
      const { clock, times } = given(t, ms);
      await clock.pass(ms - 10);
      assert.equal(times(), 0);
      await clock.pass(20);
      await clock.pass(ms);
      assert.equal(times(), 1);
    });
  }

  it('does not count the time in which this process stood still', async (t) => {
    const { clock, times } = given(t, 1000);
    for (let n = 0; n < 3; n++) {
      clock.ms += 60_000; // Ctrl-Z; its timers are late then
      await clock.pass(200);
    }
    assert.equal(times(), 0);
    await clock.pass(1000);
    assert.equal(times(), 1);
  });

  it('begins anew when it is told to, and ends when it is stopped', async (t) => {
    const { clock, wait, times } = given(t, 1000);
    await clock.pass(900);
    wait.extend();
    await clock.pass(900);
    assert.equal(times(), 0);
    wait.stop();
    await clock.pass(5000);
    assert.equal(times(), 0);
  });
});
