import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Unchanged } from '../src/unchanged.ts';
import { FakeClock } from './link/fakes.ts';

it('Unchanged counts the time since it saw a value first', (t) => {
  const clock = new FakeClock(t);
  const unchanged = new Unchanged();
  const looks: number[] = [];
  for (const value of ['a', 'a', 'b', 'b', 'b', 'a', 'a']) {
    looks.push(unchanged.forMs(value));
    clock.ms += 100;
  }
  assert.deepEqual(looks, [0, 100, 0, 100, 200, 0, 100]);
});

it('Unchanged knows a number, and one that was never seen', (t) => {
  const clock = new FakeClock(t);
  const unchanged = new Unchanged();
  assert.equal(unchanged.forMs(0), 0);
  clock.ms += 5;
  assert.equal(unchanged.forMs(0), 5);
});
