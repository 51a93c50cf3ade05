import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deliveryFrame } from '../../src/broker/delivery.ts';
import { type Told, toldWith } from '../../src/broker/told.ts';
import { IdSequence } from '../../src/codec/id-sequence.ts';
import { messagesOf, NOTHING_MORE } from '../../src/link/messages.ts';
import type { Reserved } from '../../src/queue/message.ts';
import { utf8 } from '../codec/vectors.ts';
import { opened } from './dispatching.ts';

const usual: Reserved = {
  ...{ id: 7, queue: 'default', body: utf8('hi'), headers: [], enqueuedAt: 0 },
  ...{ attempt: 1, releases: 0, delivery: 1, incarnation: 5 },
};
/** It has understood message 3 of incarnation 5. */
const told: Told = { incarnation: 5, ids: IdSequence.empty.with(3) };
const to = { seq: 5, told, accepts: NOTHING_MORE };
const many = { ...to, accepts: { batch: true, brotli: false, model: false } };

describe('deliveryFrame', () => {
  it('says of a message what is not as usual', () => {
    const { seq, body, control, fields } = opened(deliveryFrame([usual], to));
    assert.deepEqual([seq, Buffer.from(body).toString(), control], [5, 'hi', false]);
    assert.deepEqual(fields, { id: 7 });
    const unusual = {
      ...{ queue: 'q', attempt: 2, delivery: 4, releases: 1, incarnation: 6 },
      headers: [['k', 'v']] as const,
    };
    assert.deepEqual(opened(deliveryFrame([{ ...usual, ...unusual }], to)).fields, {
      ...{ id: 7, ...unusual },
    });
  });

  it('counts as many deliveries as attempts unless it says so, and tells the incarnation once', () => {
    const fields = (more: Partial<Reserved>, told: Told | undefined) =>
      opened(deliveryFrame([{ ...usual, ...more }], { ...to, seq: 0, told })).fields;
    assert.deepEqual(fields({ attempt: 3, delivery: 3 }, told), { id: 7, attempt: 3 });
    assert.deepEqual(fields({}, undefined), { id: 7, incarnation: 5 });
    assert.deepEqual(fields({}, { ...told, incarnation: 4 }), { id: 7, incarnation: 5 });
  });

  it('does not say the id that is expected, but in another incarnation', () => {
    const next = { ...usual, id: 4 };
    assert.deepEqual(opened(deliveryFrame([next], to)).fields, {});
    const other = { ...to, told: { ...told, incarnation: 4 } };
    assert.deepEqual(opened(deliveryFrame([next], other)).fields, { id: 4, incarnation: 5 });
  });

  it('says of many once what all have in common, and of each what is its own', () => {
    const frame = (messages: readonly Reserved[]) => opened(deliveryFrame(messages, many));
    const alike = [4, 5, 9, 13].map((id) => ({ ...usual, id, queue: 'q' }));
    const { fields, ...envelope } = frame(alike);
    assert.deepEqual(fields, { queue: 'q', count: 4 });
    const entries = messagesOf({ ...envelope, fields }, 100);
    assert.ok(Array.isArray(entries));
    assert.deepEqual(
      entries.map((entry) => entry.fields),
      [{ queue: 'q' }, { queue: 'q' }, { queue: 'q', id: 9 }, { queue: 'q' }],
    );
    const mixed = messagesOf(
      frame([
        { ...usual, id: 4, queue: 'q' },
        { ...usual, id: 5 },
      ]),
      100,
    );
    assert.ok(Array.isArray(mixed));
    assert.deepEqual(
      mixed.map((entry) => entry.fields),
      [{ queue: 'q' }, {}],
    );
  });

  it('does not fit when headers leave no room', () => {
    const headers = [['k', 'x'.repeat(4096)]] as const;
    assert.throws(() => deliveryFrame([{ ...usual, headers }], to), { name: 'CodecError' });
  });
});

describe('toldWith', () => {
  it('goes on within an incarnation, and begins anew with another', () => {
    const expected = (told: Told | undefined) => told?.ids.expected;
    assert.equal(expected(toldWith(told, [{ ...usual, id: 5 }])), 7);
    const other = toldWith(told, [{ ...usual, id: 5, incarnation: 6 }]);
    assert.deepEqual([expected(other), other?.incarnation], [6, 6]);
    assert.equal(toldWith(undefined, []), undefined);
  });
});
