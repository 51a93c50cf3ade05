import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DueTimer } from '../../src/broker/due-timer.ts';
import { steadyMs } from '../../src/clock.ts';
import { FakeClock } from '../link/fakes.ts';
import { FakeJournal } from './fakes.ts';

function given(t: TestContext) {
  const clock = new FakeClock(t);
  const journal = new FakeJournal();
  let next: () => Promise<number | undefined> = async () => undefined;
  let sweep = async () => {
    next = async () => undefined;
    return true;
  };
  let looks = 0;
  const timer = new DueTimer({
    store: {
      nextSweep: () => next(),
      sweep: () => {
        looks++;
        return sweep();
      },
      takeDropped: () => [],
    },
    journal,
  });
  timer.start();
  t.after(() => timer.stop());
  /** The next message is due in so many ms. */
  const due = async (ms: number | undefined) => {
    const at = ms === undefined ? undefined : steadyMs() + ms;
    next = async () => at;
    journal.timing.ask();
    await turn();
  };
  const fail = async (error: Error) => {
    next = () => Promise.reject(error);
    journal.timing.ask();
    await turn();
  };
  /** What the store is asked for when the next one is due. */
  const asked = (how: () => Promise<number | undefined>) => {
    next = how;
  };
  /** What a sweep does. */
  const sweeping = (how: () => Promise<boolean>) => {
    sweep = how;
  };
  const errors = () => journal.errors;
  const told = () => journal.wakes;
  return { clock, timer, journal, errors, due, fail, sweeping, asked, looks: () => looks, told };
}

describe('DueTimer', () => {
  it('tells when the next message is due, once', async (t) => {
    const { clock, due, looks, told } = given(t);
    await due(100);
    await clock.pass(90);
    assert.equal(looks(), 0);
    await clock.pass(20);
    assert.equal(looks(), 1);
    await clock.pass(1000);
    assert.deepEqual([looks(), told()], [1, 1]);
  });

  it('tells nobody when nothing became ready', async (t) => {
    const { clock, due, sweeping, looks, told } = given(t);
    sweeping(async () => false);
    await due(10);
    await clock.pass(20);
    assert.ok(looks() > 0);
    assert.equal(told(), 0);
  });

  it('sweeps no more than a hundred times a second, whatever is due', async (t) => {
    const { clock, due, sweeping, looks } = given(t);
    sweeping(async () => true); // and yet something stays due
    await due(-1);
    await clock.pass(1000);
    assert.ok(looks() > 50 && looks() <= 101, `${looks()} sweeps`);
  });

  it('sweeps once a second while the store cannot be written', async (t) => {
    const { clock, due, sweeping, errors, looks } = given(t);
    sweeping(() => Promise.reject(new Error('disk')));
    await due(-1);
    await clock.pass(3500);
    assert.deepEqual([looks(), errors().length], [4, 4]);
  });

  it('is set anew when another one comes first, or there is none any more', async (t) => {
    const { clock, due, looks } = given(t);
    await due(1000);
    await due(100);
    await clock.pass(110);
    assert.equal(looks(), 1);
    await due(100);
    await due(undefined);
    await clock.pass(1000);
    assert.equal(looks(), 1);
  });

  it('looks at once when one is due already, and each minute while none is', async (t) => {
    const { clock, due, looks } = given(t);
    await due(-5000);
    await clock.pass(10);
    assert.equal(looks(), 1);
    await due(3_600_000);
    await clock.pass(59_990);
    assert.equal(looks(), 1);
    await clock.pass(20);
    assert.equal(looks(), 2);
  });

  it('says that the store cannot be read, and asks it again after a second', async (t) => {
    const { clock, due, fail, errors, looks } = given(t);
    const error = new Error('disk');
    await fail(error);
    assert.deepEqual(errors(), [error]);
    await clock.pass(990);
    assert.equal(looks(), 0);
    await clock.pass(20);
    assert.equal(looks(), 1);
    await fail(error);
    await due(100);
    await clock.pass(110);
    assert.equal(looks(), 2);
    await clock.pass(2000);
    assert.equal(looks(), 2);
  });

  it('tells nothing after it was stopped', async (t) => {
    const { clock, timer, due, looks } = given(t);
    await due(100);
    await timer.stop();
    await due(50);
    await clock.pass(1000);
    assert.equal(looks(), 0);
  });

  it('goes by what it was told last, however late the store answers', async (t) => {
    const { clock, journal, asked, looks } = given(t);
    await turn();
    const answers: ((at: number | undefined) => void)[] = [];
    asked(() => new Promise((resolve) => answers.push(resolve)));
    journal.timing.ask();
    journal.timing.ask();
    journal.timing.ask();
    assert.equal(answers.length, 1, 'asks one thing at a time');
    asked(async () => steadyMs() + 100);
    answers[0]?.(steadyMs() + 3_600_000);
    await turn();
    await clock.pass(110);
    assert.equal(looks(), 1);
  });
});
