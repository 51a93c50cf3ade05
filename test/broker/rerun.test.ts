import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Rerun } from '../../src/broker/rerun.ts';
import { FakeClock } from '../link/fakes.ts';

/** Work that ends when it is told to. */
function given(t: TestContext) {
  const clock = new FakeClock(t);
  const errors: unknown[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const rerun = new Rerun((error) => errors.push(error));
  const work = () =>
    new Promise<void>((resolve, reject) => {
      ends.push((error) => (error ? reject(error) : resolve()));
    });
  const end = async (error?: Error) => {
    ends.at(-1)?.(error);
    await turn();
  };
  return { clock, rerun, work, end, errors, runs: () => ends.length };
}

describe('Rerun', () => {
  it('runs at once when it is asked, and once more when it was asked meanwhile', async (t) => {
    const { rerun, work, end, runs } = given(t);
    rerun.start(work);
    assert.equal(runs(), 0);
    rerun.ask();
    assert.equal(runs(), 1);
    rerun.ask();
    rerun.ask();
    assert.equal(runs(), 1);
    await end();
    assert.equal(runs(), 2);
    await end();
    assert.equal(runs(), 2);
    rerun.ask();
    assert.equal(runs(), 3);
  });

  it('remembers who asked before it was started', (t) => {
    const { rerun, work, runs } = given(t);
    rerun.ask();
    rerun.start(work);
    assert.equal(runs(), 1);
  });

  it('does not begin within itself', async (t) => {
    const { rerun } = given(t);
    let depth = 0;
    let runs = 0;
    rerun.start(async () => {
      assert.equal(++depth, 1);
      if (++runs < 3) rerun.ask();
      depth--;
    });
    rerun.ask();
    await turn();
    assert.equal(runs, 3);
  });

  it('says what went wrong, and tries again after a second', async (t) => {
    const { clock, rerun, work, end, errors, runs } = given(t);
    rerun.start(work);
    rerun.ask();
    const error = new Error('disk');
    await end(error);
    assert.deepEqual(errors, [error]);
    await clock.pass(990);
    assert.equal(runs(), 1);
    await clock.pass(20);
    assert.equal(runs(), 2);
  });

  it('is asked later, or after all not', async (t) => {
    const { clock, rerun, work, end, runs } = given(t);
    rerun.start(work);
    rerun.askIn(1000);
    rerun.askIn(100);
    await clock.pass(110);
    assert.equal(runs(), 1);
    await end();
    rerun.askIn(100);
    rerun.askIn(undefined);
    await clock.pass(2000);
    assert.equal(runs(), 1);
  });

  it('waits for what is under way when it is stopped, and begins nothing more', async (t) => {
    const { clock, rerun, work, end, runs } = given(t);
    rerun.start(work);
    rerun.ask();
    rerun.ask();
    let isStopped = false;
    const stopped = rerun.stop().then(() => {
      isStopped = true;
    });
    await turn();
    assert.equal(isStopped, false);
    await end();
    await stopped;
    rerun.ask();
    rerun.askIn(10);
    await clock.pass(100);
    assert.equal(runs(), 1);
  });
});
