import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { InFlight } from '../../src/broker/in-flight.ts';
import { Intake } from '../../src/broker/intake.ts';
import { Reception } from '../../src/broker/reception.ts';
import { encodeEnvelope } from '../../src/codec/envelope.ts';
import { Reason } from '../../src/codec/reason.ts';
import type { Verdict } from '../../src/link/frame-receiver.ts';
import { NOTHING_MORE } from '../../src/link/messages.ts';
import { type Note, requestFrame } from '../../src/link/request.ts';
import { type Settle, settlementsFrame, Verb } from '../../src/link/settlement.ts';
import type { Reserved } from '../../src/queue/message.ts';
import { utf8 } from '../codec/vectors.ts';
import { reserve } from '../queue/single.ts';
import { consumer, FakeJournal, FakeStore } from './fakes.ts';

const PEER = { pid: 70, start: 500 };
const FIRST = { delivery: 1, incarnation: undefined };

/** A consumer that has a message to settle. */
async function given() {
  const store = new FakeStore();
  const journal = new FakeJournal();
  const inFlight = new InFlight({ store, ackWaitMs: 1000, journal });
  const who = consumer({ pid: 70 });
  const requests: Note[] = [];
  const reception = new Reception({
    intake: new Intake({ store, bootId: 'boot', maxMessageBytes: 100, place: 'here' }),
    roster: { get: (key) => (key === who.key ? who : undefined) },
    requests: {
      take: (_peer, request) => {
        requests.push(request);
        return 0;
      },
    },
    ...{ inFlight, journal, incarnation: store.incarnation, maxMessageBytes: 100 },
  });
  await inFlight.recover(() => undefined);
  await store.put('a');
  const message = (await reserve(store, ['default'], who.key)) as Reserved;
  inFlight.begin(who, message);
  const settle = async (settle: Settle, peer = PEER): Promise<Verdict | undefined> =>
    reception.take(peer, settlementsFrame([settle], NOTHING_MORE).subarray(0, -1));
  return { store, journal, reception, requests, settle, who, inFlight, id: message.id };
}

describe('Reception', () => {
  it('counts and tells what was stored, and has it given out', async () => {
    const { journal, reception } = await given();
    const envelope = { seq: 0, body: utf8('hi'), control: false, fields: {} };
    assert.equal(await reception.take(PEER, encodeEnvelope(envelope)), 0);
    assert.deepEqual([journal.publishedBodies, journal.counters.totals.accepted], [['hi'], 1]);
    assert.equal(journal.changes, 1);
    assert.equal(await reception.take(PEER, encodeEnvelope(envelope)), 0);
    const { accepted, repeats } = journal.counters.totals;
    assert.deepEqual([accepted, repeats], [1, 1]);
  });

  it('counts what was refused, and says why when it was the store', async () => {
    const { store, journal, reception } = await given();
    const error = new Error('disk');
    store.failing.set('publish', error);
    const envelope = { seq: 0, body: utf8('hi'), control: false, fields: {} };
    assert.equal(await reception.take(PEER, encodeEnvelope(envelope)), Reason.Store);
    assert.deepEqual([journal.refusals, journal.errors], [[[Reason.Store, 1]], [error]]);
    assert.equal(journal.changes, 0);
  });

  it('answers a frame at once that is none', async () => {
    const { reception } = await given();
    assert.equal(reception.take(PEER, Uint8Array.of(0x41, 0xff)), Reason.Damaged);
  });

  it('passes requests on, and refuses other control frames', async () => {
    const { reception, requests } = await given();
    const note = { number: 3, content: { op: 'status' } };
    assert.equal(reception.take(PEER, requestFrame(note).subarray(0, -1)), 0);
    assert.deepEqual(requests, [note]);
    const odd = { seq: 0, body: utf8('?'), control: true, fields: {} };
    assert.equal(reception.take(PEER, encodeEnvelope(odd)), Reason.Unsupported);
  });

  it('says that it lost a message of a plain peer, as nobody waits for an answer', async () => {
    const { store, journal, reception } = await given();
    await reception.takePlain(new Uint8Array(101).fill(1));
    const [event] = journal.events;
    assert.ok(event?.type === 'plain-message-refused');
    assert.deepEqual([event.level, event.bytes], ['error', 101]);
    assert.match(event.message, /101 bytes is too large/);
    store.failing.set('publish', new Error('disk'));
    await reception.takePlain(utf8('x'));
    assert.match(String(journal.errors[0]), /disk/);
  });
});

describe('Reception of settlements', () => {
  for (const [name, verb, states, outcome] of [
    ['is done', Verb.Done, [], 'done gone'],
    ['failed', Verb.Failed, ['delayed'], 'failed delayed'],
    ['was given back, to be tried later', Verb.Release, ['delayed'], 'release delayed'],
    ['was given back', Verb.Return, ['ready'], 'return ready'],
    ['is never to come again', Verb.Dead, ['dead'], 'dead dead'],
  ] as const) {
    it(`takes that a message ${name}`, async () => {
      const { store, journal, settle, id } = await given();
      assert.equal(await settle({ id, ...FIRST, verb }), 0);
      assert.deepEqual(
        [await store.states(), journal.settlements],
        [states, [`default ${outcome}`]],
      );
    });
  }

  it('keeps the reason that the consumer gives, as far as a store can keep it', async () => {
    const { store, settle, id } = await given();
    const reason = `a\0b${'x'.repeat(2000)}`;
    assert.equal(await settle({ id, ...FIRST, verb: Verb.Failed, reason }), 0);
    const [failure] = (await store.find(id))?.failures ?? [];
    assert.deepEqual([failure?.kind, failure?.pid], ['failed', 70]);
    assert.equal(failure?.reason, `a\ufffdb${'x'.repeat(1280 - 5)}`);
  });

  it('does not know another consumer, another delivery, or another message', async () => {
    const { store, journal, settle, id } = await given();
    const done = { id, ...FIRST, verb: Verb.Done };
    for (const [peer, other] of [
      [{ ...PEER, start: 501 }, done],
      [PEER, { ...done, delivery: 2 }],
      [PEER, { ...done, incarnation: store.incarnation + 1 }],
      [PEER, { ...done, id: id + 1 }],
    ] as const) {
      assert.equal(await settle(other, peer), Reason.Unknown);
    }
    assert.deepEqual([await store.states(), journal.settlements], [['reserved'], []]);
  });

  it('counts nothing that the store does not take', async () => {
    const { store, journal, settle, id } = await given();
    store.failing.set('settle', new Error('disk'));
    const done = { id, ...FIRST, verb: Verb.Done };
    assert.equal(await settle(done), Reason.Store);
    assert.deepEqual(journal.settlements, []);
  });

  it('hears that the work on it goes on, from the one who has it', async () => {
    const { store, settle, id } = await given();
    const extend = { id, ...FIRST, verb: Verb.Extend };
    assert.equal(await settle(extend), 0);
    assert.equal(await settle({ ...extend, delivery: 2 }), Reason.Unknown);
    assert.deepEqual(await store.states(), ['reserved']);
  });

  it('waits until it is known what an earlier broker had given out', async () => {
    const store = new FakeStore();
    const journal = new FakeJournal();
    const inFlight = new InFlight({ store, ackWaitMs: undefined, journal });
    const who = consumer({ pid: 70 });
    const reception = new Reception({
      intake: new Intake({ store, bootId: 'boot', maxMessageBytes: 100, place: 'here' }),
      roster: { get: () => who },
      requests: { take: () => 0 },
      ...{ inFlight, journal, incarnation: store.incarnation, maxMessageBytes: 100 },
    });
    const [id = 0] = await store.put('a');
    await reserve(store, ['default'], who.key);
    const settle = { id, ...FIRST, verb: Verb.Done };
    const done = settlementsFrame([settle], NOTHING_MORE).subarray(0, -1);
    const verdict = reception.take(PEER, done);
    await turn();
    await inFlight.recover(() => who);
    assert.equal(await verdict, 0);
    assert.deepEqual(await store.states(), []);
  });
});

describe('Reception of settlements of many', () => {
  /** A consumer that has three messages. */
  async function givenMany() {
    const { store, journal, reception, id, who, inFlight } = await given();
    await store.put('b', 'c');
    for (let n = 0; n < 2; n++) {
      inFlight.begin(who, (await reserve(store, ['default'], who.key)) as Reserved);
    }
    const take = async (...verbs: readonly (readonly [id: number, verb: Verb])[]) => {
      const all = verbs.map(([id, verb]) => ({ id, ...FIRST, verb }));
      const batches = { batch: true, brotli: false, model: false };
      return reception.take(PEER, settlementsFrame(all, batches).subarray(0, -1));
    };
    return { store, journal, take, ids: [id, id + 1, id + 2] as const };
  }

  it('takes all of them', async () => {
    const { store, journal, take, ids } = await givenMany();
    const verbs = [Verb.Done, Verb.Dead, Verb.Return];
    assert.equal(await take(...verbs.map((verb, n) => [ids[n] as number, verb] as const)), 0);
    assert.deepEqual(await store.states(), ['dead', 'ready']);
    assert.equal(journal.settlements.length, 3);
  });

  it('takes none when one is unknown, or named twice', async () => {
    const { store, take, ids } = await givenMany();
    const [a, b, c] = ids;
    assert.equal(await take([a, Verb.Done], [99, Verb.Done]), Reason.Unknown);
    assert.equal(await take([a, Verb.Done], [b, Verb.Done], [a, Verb.Done]), Reason.Unknown);
    assert.equal(await take([a, Verb.Done], [a, Verb.Failed]), Reason.Unknown);
    assert.deepEqual(await store.states(), Array(3).fill('reserved'));
    assert.equal(await take([c, Verb.Done], [a, Verb.Done], [b, Verb.Done]), 0);
    assert.deepEqual(await store.states(), []);
  });

  it('does not know work that goes on among them', async () => {
    const { store, take, ids } = await givenMany();
    assert.equal(await take([ids[0], Verb.Done], [ids[1], Verb.Extend]), Reason.Unsupported);
    assert.deepEqual(await store.states(), Array(3).fill('reserved'));
  });
});
