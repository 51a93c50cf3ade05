import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { maxFrameBytes } from '../../src/codec/limits.ts';
import { BatchSize, MAX_BATCH_BYTES } from '../../src/link/batch-size.ts';
import { messagesFrame, NOTHING_MORE } from '../../src/link/messages.ts';

describe('BatchSize', () => {
  it('is what took 50 ms', () => {
    const size = new BatchSize();
    assert.deepEqual([size.bytes, size.messages], [2048, 256]);
    size.learn(2048, 25);
    assert.equal(size.bytes, 4096);
    size.learn(4096, 100);
    assert.equal(size.bytes, 2048);
  });

  it('learns little from little: a small frame that was quick changes nothing', () => {
    const size = new BatchSize();
    size.learn(10, 1);
    size.learn(1000, 49);
    assert.equal(size.bytes, 2048);
    size.learn(1000, 500);
    assert.equal(size.bytes, 1024);
  });

  it('is bounded, whatever it is told', () => {
    const seen = fc.array(fc.tuple(fc.nat({ max: 1 << 26 }), fc.double({ min: 0, noNaN: true })));
    const property = fc.property(seen, (seen) => {
      const size = new BatchSize();
      for (const [bytes, ms] of seen) {
        size.learn(bytes, ms);
        assert.ok(Number.isInteger(size.bytes));
        assert.ok(size.bytes >= 1024 && size.bytes <= 32 << 10, `${size.bytes}`);
      }
    });
    fc.assert(property);
  });
});

it('what a broker of small messages takes in a frame is as much as a producer puts into one', () => {
  const size = new BatchSize();
  for (let n = 0; n < 20; n++) size.learn(1 << 20, 1);
  const entries = Array.from({ length: size.messages }, (_, n) => ({
    fields: {},
    body: new Uint8Array(size.bytes / size.messages).fill(n),
  }));
  const headers = [['k', 'v'.repeat(4000)]] as const;
  const fields = { headers, number: Number.MAX_SAFE_INTEGER };
  const frame = messagesFrame(1, { fields, entries }, NOTHING_MORE);
  assert.ok(frame.length > size.bytes);
  assert.ok(frame.length <= maxFrameBytes(MAX_BATCH_BYTES) + 1);
});
