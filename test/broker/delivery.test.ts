import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deliveryFrame } from '../../src/broker/delivery.ts';
import type { Reserved } from '../../src/queue/store.ts';
import { utf8 } from '../codec/vectors.ts';
import { opened } from './dispatching.ts';

const usual: Reserved = {
  ...{ id: 7, queue: 'default', body: utf8('hi'), headers: [], attempt: 1, enqueuedAt: 0 },
};

describe('deliveryFrame', () => {
  it('says of a message what is not as usual', () => {
    const { seq, body, more, control, fields } = opened(deliveryFrame(usual, 5));
    assert.deepEqual([seq, Buffer.from(body).toString(), more, control], [5, 'hi', false, false]);
    assert.deepEqual(fields, { id: 7 });
    const unusual = { queue: 'q', attempt: 2, headers: [['k', 'v']] } as const;
    assert.deepEqual(opened(deliveryFrame({ ...usual, ...unusual }, 0)).fields, {
      ...{ id: 7, ...unusual },
    });
  });

  it('does not fit when headers leave no room', () => {
    const headers = [['k', 'x'.repeat(4096)]] as const;
    assert.throws(() => deliveryFrame({ ...usual, headers }, 0), { name: 'CodecError' });
  });
});
