/** What a hostile process may ask: every request is answered or refused, and none means more than it says. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { InFlight } from '../../src/broker/in-flight.ts';
import { Intake } from '../../src/broker/intake.ts';
import { Reception } from '../../src/broker/reception.ts';
import { Replies } from '../../src/broker/replies.ts';
import { Requests } from '../../src/broker/requests.ts';
import { encodeBatch } from '../../src/codec/batch.ts';
import { type Envelope, encodeEnvelope } from '../../src/codec/envelope.ts';
import { Reason } from '../../src/codec/reason.ts';
import type { Endpoint } from '../../src/link/endpoint.ts';
import { MAX_PEEK_BYTES, MAX_ROWS } from '../../src/link/request.ts';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import { FakeJournal } from '../broker/fakes.ts';
import { anyEnvelope } from '../codec/arbitraries.ts';
import { utf8 } from '../codec/vectors.ts';
import { repliesIn } from '../link/replies.ts';
import { fakeTable } from '../registry/fake-table.ts';

const sender = { pid: 7, start: 1 };

/** Requests to a store, and the replies that went out. */
function asked() {
  const store = SqliteStore.inMemory(DEFAULT_POLICY);
  const frames: Uint8Array[] = [];
  const errors: unknown[] = [];
  const send = async (_target: unknown, frame: Uint8Array) => {
    frames.push(frame);
    return { kind: 'accepted' };
  };
  const endpoint = {
    echo: { withBus: (work: (channel: unknown) => Promise<unknown>) => work({ send }) },
  } as unknown as Endpoint;
  const requests = new Requests({
    inspection: store,
    replies: new Replies({ endpoint, table: fakeTable(sender), journal: { resent: () => {} } }),
    broker: {
      status: async () => ({}),
      waiting: async () => 0,
      lastSent: () => [],
      asked: async () => ({}),
      queues: async () => [],
      metrics: async () => [],
      changes: async () => ({}),
      drain: async () => {},
      cancelDrain: () => false,
      stop: () => {},
    },
    groups: { join: async () => {}, remove: async () => 0 },
    journal: { error: (error) => errors.push(error), changed: () => {} },
  });
  const replies = async () => (await repliesIn(frames)).map(({ content }) => content);
  return { store, replies, errors, requests };
}

/** Frames of many, packed or not, whose claims may be wrong. */
const anyMany: fc.Arbitrary<Envelope> = fc
  .record({
    entries: fc.array(
      fc.record({
        fields: fc.record(
          { queue: fc.constantFrom('a', 'b', 'no name'), ttlMs: fc.nat(), ref: fc.nat({ max: 5 }) },
          { requiredKeys: [] },
        ),
        body: fc.oneof(fc.constantFrom(utf8('d'), utf8('e')), fc.uint8Array({ maxLength: 120 })),
      }),
      { maxLength: 8 },
    ),
    isPacked: fc.boolean(),
    control: fc.boolean(),
    seq: fc.nat({ max: 3 }),
    off: fc.constantFrom(0, 0, 0, 1, -1, 256, 2 ** 40),
    cut: fc.constantFrom(0, 0, 0, 1, 5),
  })
  .map(({ entries, isPacked, control, seq, off, cut }) => {
    const batch = encodeBatch(entries);
    const body = isPacked ? brotliCompressSync(batch) : batch;
    const wrong = (number: number) => Math.max(number + off, 0);
    const unpacked = isPacked ? { unpacked: wrong(batch.length) } : {};
    const fields = { count: isPacked ? entries.length : wrong(entries.length), ...unpacked };
    return { seq, control, fields, body: body.subarray(0, Math.max(body.length - cut, 0)) };
  });

const message = (body: Uint8Array) => ({ queue: 'q', body, priority: 0 });
const op = fc.constantFrom(
  'status',
  'counts',
  'peek',
  'purge',
  'kick',
  'queue',
  'pause',
  'waiting',
  'ids',
  'queues',
  'drain',
);
const fields = [
  ...[
    'queue',
    'state',
    'ids',
    'limit',
    'skip',
    'fromByte',
    'maxBody',
    'paused',
    'queues',
    'after',
    'cancel',
    'set',
    'to',
  ],
];
const anyRequest = fc.oneof(
  fc.jsonValue(),
  fc
    .tuple(op, fc.dictionary(fc.constantFrom(...fields, '__proto__'), fc.jsonValue()))
    .map(([name, rest]) => ({ ...rest, op: name })),
);

describe('Requests', () => {
  it('answer everything, with what was asked for or an error', async () => {
    const property = fc.asyncProperty(anyRequest, async (content) => {
      const { requests, replies, errors } = asked();
      assert.equal(requests.take(sender, { number: 1, content }), 0);
      await requests.settled();
      assert.deepEqual(errors, []);
      const [reply, more] = await replies();
      assert.deepEqual([typeof reply, more], ['object', undefined]);
    });
    await fc.assert(property);
  });

  const notIds = ['5', -1, 1.5, null, {}, true, 5, ['5'], [-1], [1.5], [null], [[5]], [2 ** 60]];
  for (const ids of notIds) {
    it(`remove nothing when the ids are ${JSON.stringify(ids)}`, async () => {
      const { store, requests, replies } = asked();
      await store.publish([message(Buffer.from('kept'))]);
      requests.take(sender, { number: 1, content: { op: 'purge', queue: 'q', ids } });
      await requests.settled();
      assert.equal((await store.peek('q')).length, 1);
      assert.match(JSON.stringify(await replies()), /does not understand/);
    });
  }

  it('take so many at once, and no more of one process', async () => {
    const { requests } = asked();
    const take = (pid: number) => requests.take({ pid, start: 1 }, { number: 1, content: {} });
    const verdicts = Array.from({ length: 100 }, (_, n) => [take(7), take(1000 + n)]).flat();
    assert.equal(verdicts.filter((verdict) => verdict === 0).length, 64);
    assert.equal(verdicts.at(-1), Reason.Full);
    assert.deepEqual(verdicts.filter((_, n) => n % 2 === 0).slice(0, 6), [
      0,
      0,
      0,
      0,
      Reason.Full,
      Reason.Full,
    ]);
    await requests.settled();
    assert.equal(take(7), 0);
  });

  it('read no more bodies than a reply can hold', async () => {
    const { store, requests, replies } = asked();
    const body = new Uint8Array(1 << 19);
    await store.publish(Array.from({ length: 64 }, () => message(body)));
    let read = 0;
    const peek = store.peek.bind(store);
    store.peek = async (...args) => {
      const found = await peek(...args);
      read += found.reduce((sum, { body }) => sum + body.length, 0);
      return found;
    };
    requests.take(sender, { number: 1, content: { op: 'peek', queue: 'q', limit: 1e15 } });
    await requests.settled();
    const [reply] = (await replies()) as { ok: { bytes: number }[] }[];
    assert.deepEqual([reply?.ok.length, reply?.ok[0]?.bytes], [64, 1 << 19]);
    assert.ok(read > 0 && read <= MAX_PEEK_BYTES, `${read} for ${MAX_ROWS}`);
  });
});

describe('Reception', () => {
  it('judges any frame, and never stores what is too large', async () => {
    const store = SqliteStore.inMemory(DEFAULT_POLICY);
    const journal = new FakeJournal();
    const inFlight = new InFlight({ store, ackWaitMs: undefined, journal });
    await inFlight.recover(() => undefined);
    const reception = new Reception({
      intake: new Intake({ store, bootId: 'b', maxMessageBytes: 100, place: 'here' }),
      roster: { get: () => undefined },
      requests: { take: () => 0 },
      ...{ inFlight, journal, incarnation: store.incarnation, maxMessageBytes: 100 },
    });
    const anyFrame = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.string({ minLength: 90, maxLength: 300 }).map((text) => Buffer.from(text)),
      anyEnvelope.map(encodeEnvelope),
      anyMany.map(encodeEnvelope),
    );
    const property = fc.asyncProperty(anyFrame, fc.nat({ max: 5 }), async (frame, pid) => {
      const verdict = await reception.take({ pid, start: 1 }, frame);
      assert.equal(typeof verdict, 'number');
    });
    await fc.assert(property, { numRuns: 1000 });
    assert.deepEqual(journal.errors, []);
    for (const { queue } of await store.counts()) {
      for (const { body } of await store.peek(queue, { limit: 2000 }))
        assert.ok(body.length <= 100);
    }
  });
});
