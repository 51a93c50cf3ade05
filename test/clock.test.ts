import assert from 'node:assert/strict';
import { it } from 'node:test';
import { clockMs, steadyMs } from '../src/clock.ts';

it('goes on evenly while the wall clock is set', (t) => {
  const hour = 3_600_000;
  const wall = Date.now;
  const started = steadyMs();
  const startedAt = clockMs();
  assert.ok(Math.abs(started - wall()) < 1000, 'starts with the wall clock');
  for (const offset of [3 * hour, -5 * hour, 0]) {
    t.mock.method(Date, 'now', () => wall() + offset);
    const drift = steadyMs() - started - (clockMs() - startedAt);
    assert.ok(Math.abs(drift) < 1000, `moved by ${drift} ms with an offset of ${offset} ms`);
    assert.ok(Number.isInteger(steadyMs()));
  }
});
