import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type Bit, SignalCodec } from '../../src/codec/signal-codec.ts';
import { PlainDecoder } from '../../src/link/plain-decoder.ts';
import { bytes, utf8 } from '../codec/vectors.ts';
import { FakeClock } from './fakes.ts';

const MAX = 100;

/** A decoder and a clock: bits come so many microseconds apart. */
function decoding(t: TestContext, gapsUs: (at: number) => number = () => 1000) {
  const clock = new FakeClock(t);
  const decoder = new PlainDecoder(MAX);
  let at = 0;
  const push = (...values: number[]) => {
    const found: (Uint8Array | undefined)[] = [...SignalCodec.bits(bytes(...values))].map((bit) => {
      clock.ms += gapsUs(at++) / 1000;
      return decoder.push(bit as Bit);
    });
    return found.filter((body) => body !== undefined);
  };
  return { decoder, push };
}

describe('PlainDecoder', () => {
  it('gives the messages of a paced sender, and none for an empty one', (t) => {
    const { decoder, push } = decoding(t);
    assert.deepEqual(push(...utf8('hi'), 0, 0, ...utf8('ho'), 0), [utf8('hi'), utf8('ho')]);
    assert.deepEqual([decoder.dropped, decoder.idle], [0, true]);
  });

  it('takes fast programs for what they are: 50 µs between bits', (t) => {
    assert.deepEqual(decoding(t, () => 50).push(...utf8('hi'), 0), [utf8('hi')]);
  });

  it('throws a storm away, and takes the next message', (t) => {
    let gap = 5;
    const { decoder, push } = decoding(t, () => gap);
    assert.deepEqual(push(...utf8('hi'), 0), []);
    assert.deepEqual([decoder.dropped, decoder.idle], [1, true]);
    gap = 1000;
    assert.deepEqual(push(...utf8('hi'), 0), [utf8('hi')]);
    assert.equal(decoder.dropped, 1);
  });

  it('forgives one bit in eight that comes right behind another', (t) => {
    const hasty = new Set([2, 7, 20]); // 3 of 24 bits
    assert.equal(decoding(t, (at) => (hasty.has(at) ? 1 : 1000)).push(...utf8('hi'), 0).length, 1);
  });

  it('forgives no more', (t) => {
    const hasty = new Set([2, 7, 12, 20]);
    assert.equal(decoding(t, (at) => (hasty.has(at) ? 1 : 1000)).push(...utf8('hi'), 0).length, 0);
  });

  it('drops a message that is too long, and takes the next', (t) => {
    const { decoder, push } = decoding(t);
    assert.deepEqual(push(...Array<number>(MAX + 5).fill(1), 0, ...utf8('hi'), 0), [utf8('hi')]);
    assert.equal(decoder.dropped, 1);
  });

  it('does not hold a storm that was too long against the next message', (t) => {
    let gap = 1;
    const { decoder, push } = decoding(t, () => gap);
    push(...Array<number>(MAX + 5).fill(1));
    assert.equal(decoder.idle, false);
    push(0);
    assert.equal(decoder.idle, true);
    gap = 1000;
    assert.deepEqual(push(...utf8('hi'), 0), [utf8('hi')]);
  });

  it('forgets on reset what it has, and how fast it came', (t) => {
    let gap = 1;
    const { decoder, push } = decoding(t, () => gap);
    push(1, 1);
    assert.equal(decoder.idle, false);
    decoder.reset();
    assert.equal(decoder.idle, true);
    gap = 1000;
    assert.deepEqual(push(...utf8('hi'), 0), [utf8('hi')]);
  });
});
