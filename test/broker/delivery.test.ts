import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deliveryFrame } from '../../src/broker/delivery.ts';
import type { Reserved } from '../../src/queue/store.ts';
import { utf8 } from '../codec/vectors.ts';
import { opened } from './dispatching.ts';

const usual: Reserved = {
  ...{ id: 7, queue: 'default', body: utf8('hi'), headers: [], enqueuedAt: 0 },
  ...{ attempt: 1, releases: 0, delivery: 1, incarnation: 5 },
};
const to = { seq: 5, told: 5 };

describe('deliveryFrame', () => {
  it('says of a message what is not as usual', () => {
    const { seq, body, more, control, fields } = opened(deliveryFrame(usual, to));
    assert.deepEqual([seq, Buffer.from(body).toString(), more, control], [5, 'hi', false, false]);
    assert.deepEqual(fields, { id: 7 });
    const unusual = {
      ...{ queue: 'q', attempt: 2, delivery: 4, releases: 1, incarnation: 6 },
      headers: [['k', 'v']] as const,
    };
    assert.deepEqual(opened(deliveryFrame({ ...usual, ...unusual }, to)).fields, {
      ...{ id: 7, ...unusual },
    });
  });

  it('counts as many deliveries as attempts unless it says so, and tells the incarnation once', () => {
    const fields = (more: Partial<Reserved>, told: number | undefined) =>
      opened(deliveryFrame({ ...usual, ...more }, { seq: 0, told })).fields;
    assert.deepEqual(fields({ attempt: 3, delivery: 3 }, 5), { id: 7, attempt: 3 });
    assert.deepEqual(fields({}, undefined), { id: 7, incarnation: 5 });
    assert.deepEqual(fields({}, 4), { id: 7, incarnation: 5 });
  });

  it('does not fit when headers leave no room', () => {
    const headers = [['k', 'x'.repeat(4096)]] as const;
    assert.throws(() => deliveryFrame({ ...usual, headers }, to), { name: 'CodecError' });
  });
});
