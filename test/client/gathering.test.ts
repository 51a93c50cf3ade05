import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Gathering } from '../../src/client/gathering.ts';
import { FakeClock } from '../link/fakes.ts';

function given(t: TestContext, size = 3, lingerMs = 100) {
  const clock = new FakeClock(t);
  const gathering = new Gathering<number>({ size, lingerMs });
  const taken: (number[] | undefined)[] = [];
  const take = () => void gathering.next().then((items) => taken.push(items));
  return { clock, gathering, taken, take };
}

describe('Gathering', () => {
  it('gives as many as are wanted at once, and no more', async (t) => {
    const { clock, gathering, taken, take } = given(t);
    take();
    for (const n of [1, 2, 3, 4]) gathering.add(n);
    await turn();
    assert.deepEqual(taken, [[1, 2, 3]]);
    take();
    await clock.pass(90);
    assert.equal(taken.length, 1, 'the fourth waits for others');
    await clock.pass(10);
    assert.deepEqual(taken[1], [4]);
  });

  it('counts from when the first came, whoever takes it when', async (t) => {
    const { clock, gathering, taken, take } = given(t);
    gathering.add(1);
    await clock.pass(70);
    gathering.add(2);
    take();
    await clock.pass(20);
    assert.deepEqual(taken, []);
    await clock.pass(10);
    assert.deepEqual(taken, [[1, 2]]);
    gathering.add(3);
    await clock.pass(1000);
    take();
    await turn();
    assert.deepEqual(taken[1], [3], 'it has waited long enough');
  });

  it('waits for nothing when nothing more will come', async (t) => {
    const { gathering, taken, take } = given(t);
    take();
    gathering.add(1);
    gathering.hurry();
    take();
    gathering.add(2);
    await turn();
    assert.deepEqual(taken, [[1], [2]]);
  });

  it('ends, and gives back what nobody has', async (t) => {
    const { gathering, taken, take } = given(t);
    take();
    gathering.add(1);
    assert.deepEqual(gathering.end(), [1]);
    take();
    await turn();
    assert.deepEqual(taken, [undefined, undefined]);
    assert.deepEqual(gathering.end(), []);
  });
});
