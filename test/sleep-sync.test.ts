import assert from 'node:assert/strict';
import { it } from 'node:test';
import { clockMs } from '../src/clock.ts';
import { sleepSync } from '../src/sleep-sync.ts';

it('a synchronous sleep takes its time, also less than a millisecond, and lets nothing else run', () => {
  for (const ms of [0.1, 5]) {
    const before = clockMs();
    const timer = setTimeout(() => assert.fail('ran'), 0);
    sleepSync(ms);
    assert.ok(clockMs() - before > 0.9 * ms);
    clearTimeout(timer);
  }
});
