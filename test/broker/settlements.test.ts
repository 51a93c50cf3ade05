import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Holdings } from '../../src/broker/holdings.ts';
import { Settlements } from '../../src/broker/settlements.ts';
import { Reason } from '../../src/codec/reason.ts';
import { Verb } from '../../src/link/settlement.ts';
import type { Reserved } from '../../src/queue/store.ts';
import { consumer, FakeStore } from './fakes.ts';

const SENDER = { pid: 70, start: 500 };

/** A consumer that holds a message. */
async function given() {
  const store = new FakeStore();
  let delivered = 0;
  const holdings = new Holdings({
    ...{ store, ackWaitMs: 1000, onChange: () => {} },
    ...{ onWarning: assert.fail, onError: () => {} },
  });
  const who = consumer({ pid: 70 });
  await store.put('a');
  const message = (await store.reserve(['default'], who.key)) as Reserved;
  holdings.take(who, message);
  const settlements = new Settlements({
    roster: { get: (key) => (key === who.key ? who : undefined) },
    holdings,
    onDelivered: () => delivered++,
  });
  return { store, settlements, id: message.id, delivered: () => delivered };
}

describe('Settlements', () => {
  for (const [name, verb, states, count] of [
    ['is done', Verb.Done, [], 1],
    ['failed', Verb.Failed, ['delayed'], 0],
    ['was given back', Verb.Release, ['ready'], 0],
    ['is never to come again', Verb.Dead, ['dead'], 0],
  ] as const) {
    it(`takes that a message ${name}`, async () => {
      const { store, settlements, id, delivered } = await given();
      assert.equal(await settlements.take(SENDER, { id, attempt: 1, verb }), 0);
      assert.deepEqual([await store.states(), delivered()], [states, count]);
    });
  }

  it('does not know another consumer, another delivery, or another message', async () => {
    const { store, settlements, id, delivered } = await given();
    const done = { id, attempt: 1, verb: Verb.Done };
    for (const [sender, settle] of [
      [{ ...SENDER, start: 501 }, done],
      [SENDER, { ...done, attempt: 2 }],
      [SENDER, { ...done, id: id + 1 }],
    ] as const) {
      assert.equal(await settlements.take(sender, settle), Reason.Unknown);
    }
    assert.deepEqual([await store.states(), delivered()], [['reserved'], 0]);
  });

  it('counts nothing that the store does not take', async () => {
    const { store, settlements, id, delivered } = await given();
    store.failing.set('settle', new Error('disk'));
    const done = { id, attempt: 1, verb: Verb.Done };
    assert.equal(await settlements.take(SENDER, done), Reason.Store);
    assert.equal(delivered(), 0);
  });
});
