import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ConsumerState } from '../../src/broker/consumer-state.ts';
import { Drain } from '../../src/broker/drain.ts';
import { FakeClock } from '../link/fakes.ts';
import { reserve, settle } from '../queue/single.ts';
import { consumer, FakeJournal, FakeStore, unsettled } from './fakes.ts';

function given(t: TestContext, keepsMessages = true) {
  const clock = new FakeClock(t);
  const store = new FakeStore();
  const journal = new FakeJournal();
  const roster = { all: [] as ConsumerState[] };
  let idle = Promise.resolve();
  const intake = { idle: () => idle };
  const drain = new Drain({ store, roster, intake, keepsMessages, journal });
  t.after(() => drain.stop());
  const begin = async (paused = false) => {
    drain.begin(paused);
    await turn();
    await turn();
  };
  const said = () => journal.events.map(({ message }) => message);
  /** A message is being stored until this is called. */
  const storing = () => {
    let end = () => {};
    idle = new Promise((resolve) => {
      end = resolve;
    });
    return () => end();
  };
  const ends = () => journal.stops;
  return { clock, store, roster, drain, begin, journal, said, storing, ends };
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
    await reserve(store, ['default'], '1:1');
    await stays('reserved');
    await settle(store, id, { kind: 'failed' });
    await stays('delayed');
    await store.purge('default');
    const [dead = 0] = await store.put('y');
    await reserve(store, ['default'], '1:1');
    await settle(store, dead, { kind: 'dead' });
    await clock.pass(300);
    assert.deepEqual([await store.states(), ends()], [['dead'], 1]);
  });

  it('leaves what is in paused queues in the store, and names it', async (t) => {
    const { store, begin, said, ends } = given(t);
    await store.put('x');
    await store.pause('default', true);
    await begin();
    assert.equal(ends(), 1);
    assert.match(said().at(-1) ?? '', /Drained.* 1 in paused queue default stay in the store/);
  });

  it('waits for a consumer that holds one of a paused queue', async (t) => {
    const { clock, store, begin, ends } = given(t);
    const [id = 0] = await store.put('x');
    await reserve(store, ['default'], '1:1');
    await store.pause('default', true);
    await begin();
    assert.equal(ends(), 0);
    await settle(store, id, { kind: 'done' });
    await clock.pass(300);
    assert.equal(ends(), 1);
  });

  for (const [when, keepsMessages, paused] of [
    ['it is told to', true, true],
    ['memory would lose it', false, false],
  ] as const) {
    it(`waits for what is in paused queues when ${when}`, async (t) => {
      const { clock, store, begin, said, ends } = given(t, keepsMessages);
      await store.put('x');
      await store.pause('default', true);
      await begin(paused);
      await clock.pass(1000);
      assert.equal(ends(), 0);
      assert.match(said().at(-1) ?? '', /waits for 1 ready; 1 of them are in paused queue default/);
      assert.equal(/memory/.test(said().at(-1) ?? ''), !keepsMessages);
      await store.purge('default');
      await clock.pass(300);
      assert.equal(ends(), 1);
    });
  }

  it('says what it waits for when it begins, and once a minute', async (t) => {
    const { clock, store, roster, drain, begin, said } = given(t);
    await store.put('a', 'b');
    await store.publish([{ queue: 'q', body: Buffer.from('c'), priority: 0, delayMs: 3_600_000 }]);
    await reserve(store, ['default'], '70:1');
    roster.all = [
      consumer({ pid: 70, inFlight: new Map([[1, unsettled]]) }),
      consumer({ pid: 71 }),
    ];
    await begin();
    const { delayedUntil, ...state } = await drain.state();
    assert.deepEqual(state, {
      ...{ ready: 1, delayed: 1, reserved: 1, dead: 0, heldBy: [70] },
      ...{ pausedQueues: [], inPausedQueues: 0, waitsForPaused: false, keepsMessages: true },
    });
    assert.ok(Math.abs(Date.parse(delayedUntil ?? '') - Date.now() - 3_600_000) < 60_000);
    const sentence = `Draining: no new messages are accepted. The broker waits for 1 ready, 1 delayed (until ${delayedUntil}), 1 reserved (by 70).`;
    assert.deepEqual(said(), [sentence]);
    await clock.pass(59_000);
    assert.equal(said().length, 1);
    await clock.pass(2000);
    assert.deepEqual(said(), [sentence, sentence]);
  });

  it('can be taken back, and begun again', async (t) => {
    const { clock, store, drain, begin, said, ends } = given(t);
    assert.equal(drain.cancel(), false);
    await store.put('x');
    await begin();
    assert.equal(drain.isOn, true);
    assert.equal(drain.cancel(), true);
    assert.equal(drain.isOn, false);
    await store.purge('default');
    await clock.pass(1000);
    assert.equal(ends(), 0);
    assert.match(said().at(-1) ?? '', /drain was cancelled/);
    await begin();
    assert.equal(ends(), 1);
    assert.equal(drain.cancel(), false);
  });

  it('waits for what is being stored when it begins', async (t) => {
    const { clock, store, begin, storing, ends } = given(t);
    const stored = storing();
    await begin();
    await clock.pass(1000);
    assert.equal(ends(), 0);
    await store.put('x');
    stored();
    await clock.pass(300);
    assert.equal(ends(), 0);
    await store.purge('default');
    await clock.pass(300);
    assert.equal(ends(), 1);
  });

  it('does not take what was so before it was taken back for what is so now', async (t) => {
    const { clock, store, drain, begin, storing, ends } = given(t);
    const stored = storing();
    await begin();
    drain.cancel();
    await store.put('x');
    await begin();
    stored();
    await clock.pass(300);
    assert.equal(ends(), 0);
  });

  it('looks again when the store cannot be read', async (t) => {
    const { clock, store, begin, journal, ends } = given(t);
    const error = new Error('no');
    store.failing.set('counts', error);
    await begin();
    assert.deepEqual([journal.errors, ends()], [[error], 0]);
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
