import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Drain } from '../../src/broker/drain.ts';
import { FakeClock } from '../link/fakes.ts';
import { FakeStore } from './fakes.ts';

function given(t: TestContext) {
  const clock = new FakeClock(t);
  const store = new FakeStore();
  const errors: unknown[] = [];
  let ends = 0;
  const drain = new Drain({
    store,
    onEmpty: () => ends++,
    onError: (error) => errors.push(error),
  });
  t.after(() => drain.stop());
  const begin = async () => {
    drain.begin();
    await turn();
  };
  return { clock, store, drain, begin, errors, ends: () => ends };
}

describe('Drain', () => {
  it('is over at once, and once, when nothing waits', async (t) => {
    const { clock, begin, ends } = given(t);
    await begin();
    assert.equal(ends(), 1);
    await begin();
    await clock.pass(1000);
    assert.equal(ends(), 1);
  });

  it('waits for what is ready, reserved or delayed, not for what is dead', async (t) => {
    const { clock, store, begin, ends } = given(t);
    const [id = 0] = await store.put('x');
    await begin();
    const stays = async (state: string) => {
      await clock.pass(300);
      assert.deepEqual([await store.states(), ends()], [[state], 0]);
    };
    await stays('ready');
    await store.reserve(['default'], '1:1');
    await stays('reserved');
    await store.settle(id, { kind: 'failed' });
    await stays('delayed');
    await store.purge('default');
    const [dead = 0] = await store.put('y');
    await store.reserve(['default'], '1:1');
    await store.settle(dead, { kind: 'dead' });
    await clock.pass(300);
    assert.deepEqual([await store.states(), ends()], [['dead'], 1]);
  });

  it('looks again when the store cannot be read', async (t) => {
    const { clock, store, begin, errors, ends } = given(t);
    const error = new Error('no');
    store.failing.set('counts', error);
    await begin();
    assert.deepEqual([errors, ends()], [[error], 0]);
    store.failing.clear();
    await clock.pass(300);
    assert.equal(ends(), 1);
  });

  it('is not begun any more when the broker stops', async (t) => {
    const { drain, begin, ends } = given(t);
    drain.stop();
    await begin();
    assert.equal(ends(), 0);
  });

  it('ends with the broker', async (t) => {
    const { clock, store, drain, begin, ends } = given(t);
    await store.put('x');
    await begin();
    drain.stop();
    await store.purge('default');
    await clock.pass(1000);
    assert.equal(ends(), 0);
  });
});
