import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IdleTimer } from '../../src/cli/idle-timer.ts';
import { clockMs } from '../../src/clock.ts';

describe('IdleTimer', () => {
  it('counts from the last signal of what is on its way, not from the last message', async () => {
    let moving = true;
    const began = clockMs();
    await new Promise<void>((resolve) => {
      const timer = new IdleTimer(50, () => (moving ? clockMs() - 10 : undefined), resolve);
      timer.arm();
      setTimeout(() => {
        moving = false;
      }, 300);
    });
    assert.ok(clockMs() - began >= 300);
  });

  it('has no patience with what has stood still for so long', async () => {
    const stoodStillAt = clockMs();
    await new Promise<void>((resolve) => {
      new IdleTimer(50, () => stoodStillAt, resolve).arm();
    });
    assert.ok(clockMs() - stoodStillAt >= 49);
  });

  it('begins anew when it is armed again, and is silent when disarmed', async () => {
    let calls = 0;
    const timer = new IdleTimer(
      20,
      () => undefined,
      () => calls++,
    );
    timer.arm();
    timer.arm();
    timer.disarm();
    assert.equal(calls, 0);
    timer.arm();
    while (calls === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(calls, 1, 'of the last time that it was armed only');
  });
});
