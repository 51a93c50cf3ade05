import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ConsumerState } from '../../src/broker/consumer-state.ts';
import { InFlight, type Named } from '../../src/broker/in-flight.ts';
import { Reason } from '../../src/codec/reason.ts';
import type { Reserved } from '../../src/queue/message.ts';
import { FakeClock } from '../link/fakes.ts';
import { reserve, settle } from '../queue/single.ts';
import { consumer, FakeJournal, FakeStore } from './fakes.ts';

const ACK_WAIT_MS = 1000;

/** As it is known when it has begun. */
const nameOf = ({ queue, incarnation, delivery }: Reserved, isSending = true) => ({
  ...{ queue, incarnation, delivery, isSending },
});

/** What a consumer has in flight, by id, without its timers. */
const knownOf = ({ inFlight }: ConsumerState) =>
  [...inFlight].map(([id, { ackWait, settling, enqueuedAt, since, ...rest }]) => [id, rest]);

/** Messages in the hands of a consumer. */
async function given(
  t: TestContext,
  count = 1,
  more: Partial<ConsumerState> = {},
  hasAckWait = true,
) {
  const clock = new FakeClock(t);
  const store = new FakeStore();
  const journal = new FakeJournal(() => {
    if (journal.errors.length > 10) store.failing.clear(); // or who tries for ever would hang the test
  });
  const inFlight = new InFlight({
    store,
    ackWaitMs: hasAckWait ? ACK_WAIT_MS : undefined,
    journal,
  });
  const who = consumer({ pid: 70, ...more });
  await store.put(...Array.from({ length: count }, (_, n) => `${n}`));
  const messages: Reserved[] = [];
  for (let n = 0; n < count; n++) {
    const message = (await reserve(store, ['default'], who.key)) as Reserved;
    inFlight.begin(who, message);
    messages.push(message);
  }
  const pass = async (ms: number) => {
    await clock.pass(ms);
    await turn();
  };
  const message = messages[0] as Reserved;
  return { store, journal, inFlight, who, message, messages, pass };
}

/** How many messages are known to have taken how long. */
const timedOf = ({ counters }: FakeJournal) =>
  counters.latencyOf('default')?.counts.reduce((sum, count) => sum + count, 0);

describe('InFlight', () => {
  it('settles what a consumer holds, once', async (t) => {
    const { store, journal, inFlight, who, message } = await given(t);
    assert.deepEqual(knownOf(who), [[message.id, nameOf(message)]]);
    assert.equal(await inFlight.settle(who, message.id, { kind: 'done' }, message), 0);
    assert.deepEqual([await store.states(), who.inFlight.size, journal.changes], [[], 0, 1]);
    assert.equal(timedOf(journal), 1);
    assert.deepEqual(journal.settlements, ['default done gone']);
    assert.equal(await inFlight.settle(who, message.id, { kind: 'done' }, message), Reason.Unknown);
    assert.equal(journal.settlements.length, 1);
  });

  it('settles nothing under another name, or for another consumer', async (t) => {
    const { store, inFlight, who, message } = await given(t);
    const done = { kind: 'done' } as const;
    for (const other of [{ delivery: 2 }, { incarnation: message.incarnation + 1 }]) {
      const name = { ...message, ...other };
      assert.equal(await inFlight.settle(who, message.id, done, name), Reason.Unknown);
    }
    const other = consumer({ pid: 71 });
    assert.equal(await inFlight.settle(other, message.id, done, message), Reason.Unknown);
    assert.deepEqual(await store.states(), ['reserved']);
    assert.equal(who.inFlight.size, 1);
  });

  it('leaves everything as it is when the store fails', async (t) => {
    const { store, journal, inFlight, who, message } = await given(t);
    store.failing.set('settle', new Error('disk'));
    assert.equal(await inFlight.settle(who, message.id, { kind: 'done' }), Reason.Store);
    assert.deepEqual([journal.errors.length, who.inFlight.size], [1, 1]);
    store.failing.clear();
    assert.equal(await inFlight.settle(who, message.id, { kind: 'done' }), 0);
  });

  it('tries again until the store takes what nobody will tell again', async (t) => {
    const { store, journal, inFlight, who, message, pass } = await given(t);
    store.failing.set('settle', new Error('disk'));
    await inFlight.settleSurely(who, [message], { kind: 'lost' });
    await pass(500);
    await pass(500);
    assert.equal(journal.errors.length, 3);
    store.failing.clear();
    assert.deepEqual(await store.states(), ['reserved']);
    await pass(500);
    assert.deepEqual(await store.states(), ['ready']);
  });

  it('answers alike what is said again while the store is busy, and what comes too late as such', async (t) => {
    const { store, journal, inFlight, who, message } = await given(t);
    const open = store.hold('settle');
    const verdicts = (['done', 'done', 'failed'] as const).map((kind) =>
      inFlight.settle(who, message.id, { kind }, message),
    );
    await turn();
    assert.equal(who.inFlight.size, 1, 'its slot is taken until it is written down');
    assert.equal(inFlight.has(who, message), false, 'it is not sent again meanwhile');
    open();
    assert.deepEqual(await Promise.all(verdicts), [0, 0, Reason.Unknown]);
    assert.deepEqual(journal.settlements, ['default done gone']);
  });

  it('does not try again what is unknown', async (t) => {
    const { journal, inFlight, who, pass } = await given(t);
    await inFlight.settleSurely(who, [{ id: 1 }], { kind: 'lost' });
    await pass(500);
    assert.deepEqual(journal.errors, []);
  });

  it('gives all that a consumer held to others when it has ended', async (t) => {
    const { store, inFlight, who, messages } = await given(t, 3);
    for (const message of messages) inFlight.awaitSettlement(who, message);
    await inFlight.lose(who);
    assert.deepEqual([await store.states(), who.inFlight.size], [['ready', 'ready', 'ready'], 0]);
  });

  it('leaves what is on its way to who sends it: it may never have got there', async (t) => {
    const { store, inFlight, who } = await given(t);
    await inFlight.lose(who);
    assert.deepEqual([await store.states(), who.inFlight.size], [['reserved'], 1]);
  });

  it('tries all again later when it has ended and the store fails', async (t) => {
    const { store, journal, inFlight, who, messages, pass } = await given(t, 3);
    for (const message of messages) inFlight.awaitSettlement(who, message);
    store.failing.set('settle', new Error('disk'));
    await inFlight.lose(who);
    assert.equal(journal.errors.length, 1, 'they are written together');
    assert.deepEqual(await store.states(), Array(3).fill('reserved'));
    store.failing.clear();
    await pass(500);
    assert.deepEqual([await store.states(), who.inFlight.size], [['ready', 'ready', 'ready'], 0]);
  });
});

describe('InFlight, when a settlement stays away,', () => {
  it('gives the message to another, and keeps the slot until the first speaks', async (t) => {
    const { store, journal, inFlight, who, message, pass } = await given(t);
    inFlight.awaitSettlement(who, message);
    await pass(ACK_WAIT_MS - 10);
    assert.deepEqual([await store.states(), journal.warnings], [['reserved'], []]);
    await pass(10);
    assert.deepEqual(await store.states(), ['ready']);
    assert.match(journal.warnings[0] ?? '', /Consumer 70 .* 1000 ms/);
    const { level, message: _, ...said } = journal.events[0] ?? assert.fail('nothing was said');
    const { id } = message;
    assert.deepEqual(said, {
      ...{ type: 'delivery-overdue', pid: 70, id, queue: 'default', ackWaitMs: ACK_WAIT_MS },
    });
    assert.equal(level, 'warn');
    assert.deepEqual([who.inFlight.size, [...who.overdue.keys()]], [0, [message.id]]);
    const before = journal.wakes;
    assert.equal(
      await inFlight.settle(who, message.id, { kind: 'failed' }, message),
      Reason.Unknown,
    );
    assert.deepEqual([who.overdue.size, journal.wakes], [0, before + 1]);
    assert.deepEqual(await store.states(), ['ready'], 'the late failure does not count');
  });

  it('takes a late `done` when nobody else has got the message', async (t) => {
    const { store, journal, inFlight, who, message, pass } = await given(t);
    inFlight.awaitSettlement(who, message);
    await pass(ACK_WAIT_MS);
    assert.equal(await inFlight.settle(who, message.id, { kind: 'done' }, message), 0);
    assert.deepEqual([await store.states(), who.overdue.size], [[], 0]);
    assert.equal(timedOf(journal), 1);
    assert.deepEqual(journal.settlements, ['default lost ready', 'default done gone']);
  });

  it('does not take it when somebody else has got it, or had it, or it is dead', async (t) => {
    for (const then of ['reserved', 'returned', 'dead']) {
      await t.test(then, async (t) => {
        const { store, inFlight, who, message, pass } = await given(t);
        inFlight.awaitSettlement(who, message);
        await pass(ACK_WAIT_MS);
        await reserve(store, ['default'], '71:500');
        if (then === 'returned') await settle(store, message.id, { kind: 'return' });
        if (then === 'dead') await settle(store, message.id, { kind: 'dead' });
        const verdict = await inFlight.settle(who, message.id, { kind: 'done' }, message);
        assert.equal(verdict, Reason.Unknown);
        assert.equal((await store.states()).length, 1);
      });
    }
  });

  it('begins to wait anew when the consumer says that it goes on', async (t) => {
    const { store, inFlight, who, message, pass } = await given(t);
    inFlight.awaitSettlement(who, message);
    for (let n = 0; n < 5; n++) {
      await pass(ACK_WAIT_MS - 200);
      assert.equal(inFlight.extend(who, message.id, message), 0);
    }
    assert.deepEqual(await store.states(), ['reserved']);
    await pass(ACK_WAIT_MS + 200);
    assert.deepEqual(await store.states(), ['ready']);
    assert.equal(inFlight.extend(who, message.id, message), Reason.Unknown);
  });

  it('waits for ever when neither broker nor consumer asked for an end', async (t) => {
    const { store, inFlight, who, message, pass } = await given(t, 1, {}, false);
    inFlight.awaitSettlement(who, message);
    await pass(20 * ACK_WAIT_MS);
    assert.deepEqual(await store.states(), ['reserved']);
  });

  it('waits as long as that consumer asked for', async (t) => {
    const { store, inFlight, who, message, pass } = await given(t, 1, { ackWaitMs: 5000 });
    inFlight.awaitSettlement(who, message);
    await pass(4990);
    assert.deepEqual(await store.states(), ['reserved']);
    await pass(10);
    assert.deepEqual(await store.states(), ['ready']);
  });

  it('does not wait for what is settled', async (t) => {
    const { journal, inFlight, who, message, pass } = await given(t);
    inFlight.awaitSettlement(who, message);
    await inFlight.settle(who, message.id, { kind: 'done' });
    await pass(ACK_WAIT_MS);
    assert.deepEqual([journal.warnings, who.overdue.size], [[], 0]);
  });

  it('counts from the first delivery, not from its repeats', async (t) => {
    const { store, inFlight, who, message, pass } = await given(t);
    inFlight.awaitSettlement(who, message);
    await pass(ACK_WAIT_MS - 10);
    inFlight.awaitSettlement(who, message);
    await pass(10);
    assert.deepEqual(await store.states(), ['ready']);
  });

  it('forgets all timers when it is stopped', async (t) => {
    const { store, journal, inFlight, who, message, messages, pass } = await given(t, 2);
    inFlight.awaitSettlement(who, message);
    store.failing.set('settle', new Error('disk'));
    await inFlight.settleSurely(who, [messages[1] as Reserved], { kind: 'lost' });
    store.failing.clear();
    inFlight.stop();
    await pass(ACK_WAIT_MS);
    assert.deepEqual([await store.states(), journal.warnings], [['reserved', 'reserved'], []]);
  });
});

describe('InFlight, when an answer is not known,', () => {
  it('owes the message until it is settled', async (t) => {
    const { inFlight, who, message, messages } = await given(t, 2);
    for (const one of messages) inFlight.owe(who, one);
    assert.deepEqual(who.owed, messages);
    await inFlight.settle(who, message.id, { kind: 'done' });
    assert.deepEqual(who.owed, [messages[1]]);
  });

  it('owes it no longer than the ack-wait; it then takes no slot', async (t) => {
    const { store, inFlight, who, message, pass } = await given(t);
    inFlight.owe(who, message);
    await pass(ACK_WAIT_MS);
    assert.deepEqual([who.owed, who.overdue.size, who.inFlight.size], [[], 0, 0]);
    assert.deepEqual(await store.states(), ['ready']);
  });

  it('owes what an earlier broker had given out', async (t) => {
    const { inFlight, message } = await given(t);
    const later = consumer({ pid: 70 });
    inFlight.owe(later, { ...message, delivery: 2 });
    assert.deepEqual(knownOf(later), [[message.id, { ...nameOf(message, false), delivery: 2 }]]);
  });

  it('owes what an earlier broker had given out to who can be asked; the rest is lost', async (t) => {
    const { store, inFlight, who, messages } = await given(t, 2);
    await settle(store, (messages[1] as Reserved).id, { kind: 'return' });
    await reserve(store, ['default'], '71:500');
    const later = consumer({ pid: 70 });
    await inFlight.recover((key) => (key === who.key ? later : undefined));
    const [first] = messages as [Reserved];
    assert.deepEqual(knownOf(later), [[first.id, nameOf(first, false)]]);
    assert.deepEqual(
      later.owed.map(({ id }) => id),
      [messages[0]?.id],
    );
    assert.deepEqual(await store.states(), ['reserved', 'ready']);
  });
});

describe('InFlight, when another broker has taken a message over,', () => {
  const done = { kind: 'done' } as const;
  /** Somebody else has it now. */
  const takeOver = async (store: FakeStore, id: number) => {
    const write = store.settle;
    await write([{ id, outcome: { kind: 'lost' } }]);
    await reserve(store, ['default'], '99:1');
    store.settle = async (all) =>
      all.some((one) => one.id === id)
        ? all.map((one) => (one.id === id ? 'unknown' : 'unmade'))
        : write(all);
  };

  it('lets it count all the same if nobody has got it since', async (t) => {
    const { store, journal, inFlight, who, message } = await given(t);
    await settle(store, message.id, { kind: 'lost' });
    assert.equal(await inFlight.settle(who, message.id, done, message), 0);
    assert.deepEqual([await store.states(), who.inFlight.size], [[], 0]);
    assert.deepEqual(journal.settlements, ['default done gone']);
  });

  it('tells its consumer, and everybody else, if somebody has', async (t) => {
    const { store, journal, inFlight, who, message } = await given(t);
    await takeOver(store, message.id);
    assert.equal(await inFlight.settle(who, message.id, done, message), Reason.Unknown);
    assert.deepEqual([await store.states(), who.inFlight.size], [['reserved'], 0]);
    assert.deepEqual(
      [journal.settlements, journal.events.map(({ type }) => type)],
      [[], ['delivery-taken-over']],
    );
  });

  it('settles none of those with it, and each for itself when nobody will tell again', async (t) => {
    const { store, journal, inFlight, who, messages } = await given(t, 3);
    const [, second] = messages as [Reserved, Reserved, Reserved];
    await takeOver(store, second.id);
    const all = messages.map((name) => ({ id: name.id, outcome: done, name }));
    assert.equal(await inFlight.settleAll(who, all), Reason.Unknown);
    assert.deepEqual([...who.inFlight.keys()], [1, 3]);
    assert.deepEqual(await store.states(), ['reserved', 'reserved', 'reserved']);
    await inFlight.settleSurely(who, messages, { kind: 'lost' });
    assert.deepEqual(await store.states(), ['ready', 'reserved', 'ready']);
    assert.deepEqual(journal.settlements, ['default lost ready', 'default lost ready']);
  });
});

describe('InFlight, of several settlements at once,', () => {
  const done = { kind: 'done' } as const;
  const named = (messages: readonly Reserved[]) =>
    messages.map((message) => ({ id: message.id, outcome: done, name: message }));

  it('writes all down together', async (t) => {
    const { store, journal, inFlight, who, messages } = await given(t, 3);
    let calls = 0;
    const settle = store.settle;
    store.settle = (all) => {
      calls++;
      return settle(all);
    };
    const [first, ...others] = named(messages);
    assert.ok(first);
    const all = [{ ...first, outcome: { kind: 'failed' } as const }, ...others];
    assert.equal(await inFlight.settleAll(who, all), 0);
    assert.deepEqual([await store.states(), calls, who.inFlight.size], [['delayed'], 1, 0]);
    assert.deepEqual(journal.settlements, [
      'default failed delayed',
      'default done gone',
      'default done gone',
    ]);
  });

  it('applies none when one is unknown, or comes twice, or is being settled', async (t) => {
    const { store, journal, inFlight, who, messages } = await given(t, 3);
    const [first, second, third] = named(messages) as unknown as [Named, Named, Named];
    for (const wrong of [
      { ...third, id: 99 },
      { ...third, name: { ...third.name, delivery: 2 } },
      { ...third, name: { ...third.name, incarnation: third.name.incarnation + 1 } },
      second,
      { ...second, outcome: { kind: 'failed' } as const },
    ]) {
      assert.equal(await inFlight.settleAll(who, [first, second, wrong]), Reason.Unknown);
    }
    const settling = inFlight.settle(who, third.id, done, third.name);
    assert.equal(await inFlight.settleAll(who, [first, third]), Reason.Unknown);
    assert.equal(await settling, 0);
    assert.deepEqual(await store.states(), ['reserved', 'reserved']);
    assert.deepEqual(journal.settlements, ['default done gone']);
    assert.equal(await inFlight.settleAll(consumer({ pid: 71 }), [first]), Reason.Unknown);
    assert.equal(await inFlight.settleAll(who, [second, first]), 0);
    assert.deepEqual(await store.states(), []);
  });

  it('leaves all as they are when the store fails', async (t) => {
    const { store, inFlight, who, messages } = await given(t, 3);
    store.failing.set('settle', new Error('disk'));
    assert.equal(await inFlight.settleAll(who, named(messages)), Reason.Store);
    assert.deepEqual([await store.states(), who.inFlight.size], [Array(3).fill('reserved'), 3]);
    store.failing.clear();
    assert.equal(await inFlight.settleAll(who, named(messages)), 0);
    assert.deepEqual(await store.states(), []);
  });

  it('counts what it was given, without what came back', async (t) => {
    const { inFlight, who, messages } = await given(t, 4, { prefetch: 8, hand: 4 });
    assert.equal(who.given, 4);
    const kinds = ['return', 'untaken', 'failed', 'lost'] as const;
    for (const [n, kind] of kinds.entries()) {
      await inFlight.settle(who, messages[n]?.id as number, { kind });
    }
    assert.deepEqual([who.given, who.hand], [2, 4]);
  });

  it('does not count what it could not receive', async (t) => {
    const { inFlight, who, messages } = await given(t, 2, { prefetch: 8 });
    const [first, second] = messages as [Reserved, Reserved];
    inFlight.missed(who, first);
    await inFlight.settleSurely(who, [first], { kind: 'dead' });
    await inFlight.settleSurely(who, [second], { kind: 'dead' });
    assert.equal(who.given, 1);
  });
});
