import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Holdings } from '../../src/broker/holdings.ts';
import { Settlements } from '../../src/broker/settlements.ts';
import { Reason } from '../../src/codec/reason.ts';
import { Verb } from '../../src/link/settlement.ts';
import type { Reserved } from '../../src/queue/store.ts';
import { consumer, FakeStore } from './fakes.ts';

const SENDER = { pid: 70, start: 500 };
const FIRST = { delivery: 1, incarnation: undefined };

/** A consumer that holds a message. */
async function given() {
  const store = new FakeStore();
  const settled: string[] = [];
  const holdings = new Holdings({
    ...{ store, ackWaitMs: 1000, onChange: () => {} },
    ...{ onWarning: assert.fail, onError: () => {} },
    onSettled: (queue, { kind }, became) => settled.push(`${queue} ${kind} ${became}`),
  });
  const who = consumer({ pid: 70 });
  await store.put('a');
  const message = (await store.reserve(['default'], who.key)) as Reserved;
  holdings.take(who, message);
  const settlements = new Settlements({
    roster: { get: (key) => (key === who.key ? who : undefined) },
    holdings,
    incarnation: store.incarnation,
  });
  return { store, settlements, id: message.id, settled };
}

describe('Settlements', () => {
  for (const [name, verb, states, outcome] of [
    ['is done', Verb.Done, [], 'done gone'],
    ['failed', Verb.Failed, ['delayed'], 'failed delayed'],
    ['was given back, to be tried later', Verb.Release, ['delayed'], 'release delayed'],
    ['was given back', Verb.Return, ['ready'], 'return ready'],
    ['is never to come again', Verb.Dead, ['dead'], 'dead dead'],
  ] as const) {
    it(`takes that a message ${name}`, async () => {
      const { store, settlements, id, settled } = await given();
      assert.equal(await settlements.take(SENDER, { id, ...FIRST, verb }), 0);
      assert.deepEqual([await store.states(), settled], [states, [`default ${outcome}`]]);
    });
  }

  it('does not know another consumer, another delivery, or another message', async () => {
    const { store, settlements, id, settled } = await given();
    const done = { id, ...FIRST, verb: Verb.Done };
    for (const [sender, settle] of [
      [{ ...SENDER, start: 501 }, done],
      [SENDER, { ...done, delivery: 2 }],
      [SENDER, { ...done, incarnation: store.incarnation + 1 }],
      [SENDER, { ...done, id: id + 1 }],
    ] as const) {
      assert.equal(await settlements.take(sender, settle), Reason.Unknown);
    }
    assert.deepEqual([await store.states(), settled], [['reserved'], []]);
  });

  it('counts nothing that the store does not take', async () => {
    const { store, settlements, id, settled } = await given();
    store.failing.set('settle', new Error('disk'));
    const done = { id, ...FIRST, verb: Verb.Done };
    assert.equal(await settlements.take(SENDER, done), Reason.Store);
    assert.deepEqual(settled, []);
  });

  it('hears that the work on it goes on, from the one who has it', async () => {
    const { store, settlements, id } = await given();
    const extend = { id, ...FIRST, verb: Verb.Extend };
    assert.equal(await settlements.take(SENDER, extend), 0);
    assert.equal(await settlements.take(SENDER, { ...extend, delivery: 2 }), Reason.Unknown);
    assert.deepEqual(await store.states(), ['reserved']);
  });
});
