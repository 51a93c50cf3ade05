import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CodecError } from '../../src/codec/codec-error.ts';
import {
  type Bit,
  bitAt,
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_MAX_MESSAGE_BYTES,
  maxFrameBytes,
  OVERFLOW,
  SignalCodec,
} from '../../src/codec/signal-codec.ts';
import { anyBit } from './arbitraries.ts';
import { bytes, frames, noise, utf8 } from './vectors.ts';

type Pushed = Uint8Array | typeof OVERFLOW;

/** What the codec returned for these bits, without the undefined ones. */
function feed(codec: SignalCodec, bits: Iterable<Bit>): Pushed[] {
  const out: Pushed[] = [];
  for (const bit of bits) {
    const pushed = codec.push(bit);
    if (pushed !== undefined) out.push(pushed);
  }
  return out;
}

/** The bits of the byte that is cut at a bit. */
const partialOf = (frame: Uint8Array, at: number) =>
  (frame[at >> 3] as number) & ((1 << (at & 7)) - 1);

const bitsOf = (...values: number[]) => SignalCodec.bits(bytes(...values));

describe('SignalCodec', () => {
  for (const { name, body, bits } of frames) {
    it(`sends and receives ${name}`, () => {
      const frame = SignalCodec.encode(body);
      assert.equal([...SignalCodec.bits(frame)].join(''), bits.replaceAll(' ', ''));
      assert.deepEqual(feed(new SignalCodec(), SignalCodec.bits(frame)), [body]);
    });
  }

  it('returns any zero-free body as it was', () => {
    const anyText = fc.uint8Array({ min: 1, maxLength: 600 });
    const property = fc.property(fc.array(anyText, { maxLength: 5 }), (bodies) => {
      const codec = new SignalCodec();
      const sent = bodies.flatMap((body) => [...SignalCodec.bits(SignalCodec.encode(body))]);
      assert.deepEqual(feed(codec, sent), bodies);
      assert.equal(codec.bitCount, 0);
    });
    fc.assert(property);
  });

  it('goes on from bits that were collected elsewhere, wherever they were cut off', () => {
    const anyText = fc.uint8Array({ min: 1, minLength: 1, maxLength: 300 });
    const property = fc.property(anyText, fc.nat(), fc.nat(), (body, one, other) => {
      const frame = SignalCodec.encode(body);
      const bits = [...SignalCodec.bits(frame)];
      const ends = [one, other].map((n) => n % (body.length * 8)).sort((a, b) => a - b);
      const [from, to] = ends as [number, number];
      const codec = new SignalCodec({ maxFrameBytes: body.length });
      feed(codec, bits.slice(0, from));
      assert.equal(codec.space, body.length - (from >> 3));
      assert.equal(codec.partial, partialOf(frame, from));
      codec.absorb(frame.subarray(from >> 3, to >> 3), partialOf(frame, to), to & 7);
      assert.equal(codec.bitCount, to);
      assert.deepEqual(feed(codec, bits.slice(to)), [body]);
    });
    fc.assert(property);
  });

  it('counts every bit of an unfinished frame', () => {
    const codec = new SignalCodec();
    const frame = SignalCodec.encode(utf8('hi'));
    for (let index = 0; index < frame.length * 8; index++) {
      assert.equal(codec.bitCount, index);
      codec.push(bitAt(frame, index));
    }
    assert.equal(codec.bitCount, 0);
  });

  it('takes eight zero bits that are not aligned for no end', () => {
    const codec = new SignalCodec();
    assert.deepEqual(feed(codec, bitsOf(0x0f, 0xf0, 0)), [bytes(0x0f, 0xf0)]);
  });

  it('refuses to encode a zero byte, and says where', () => {
    const wrong = { name: 'CodecError', code: 'zero-byte', exitCode: 65, message: /offset 1/ };
    assert.throws(() => SignalCodec.encode(bytes(1, 0, 1)), wrong);
  });

  it('refuses a limit that is none', () => {
    for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => new SignalCodec({ maxFrameBytes: limit }), CodecError);
    }
  });

  it('gives each frame as a copy', () => {
    const codec = new SignalCodec();
    const [first] = feed(codec, bitsOf(1, 2, 0));
    feed(codec, bitsOf(3, 4, 0));
    assert.deepEqual(first, bytes(1, 2));
  });

  it('reads bits past the end of a frame as 0', () => {
    assert.equal(bitAt(bytes(255), 7), 1);
    assert.equal(bitAt(bytes(255), 8), 0);
  });
});

describe('SignalCodec at its limit', () => {
  it('takes a frame of exactly the limit', () => {
    const codec = new SignalCodec({ maxFrameBytes: 3 });
    assert.deepEqual(feed(codec, bitsOf(1, 2, 3, 0)), [bytes(1, 2, 3)]);
  });

  it('says OVERFLOW once, drops up to the aligned NUL, then goes on', () => {
    const codec = new SignalCodec({ maxFrameBytes: 2 });
    assert.deepEqual(feed(codec, bitsOf(1, 2, 3)), [OVERFLOW]);
    assert.equal(codec.discarding, true);
    // Eight zeros in a row, but across two bytes.
    assert.deepEqual(feed(codec, bitsOf(0x0f, 0xf0, 5, 6, 7, 8)), []);
    assert.equal(codec.bitCount, 0);
    assert.deepEqual(feed(codec, bitsOf(0, 9, 0)), [bytes(9)]);
    assert.equal(codec.discarding, false);
  });

  it('starts afresh after reset, in the middle of a byte, a frame or an overflow', () => {
    const codec = new SignalCodec({ maxFrameBytes: 2 });
    for (const unfinished of [[1, 1, 1] as Bit[], bitsOf(1), bitsOf(1, 2, 3)]) {
      feed(codec, unfinished);
      codec.reset();
      assert.equal(codec.bitCount, 0);
      assert.deepEqual(feed(codec, bitsOf(7, 0)), [bytes(7)]);
    }
  });

  it('takes the longest message by default, again and again', () => {
    const body = noise(DEFAULT_MAX_FRAME_BYTES).map((byte) => byte || 1);
    const codec = new SignalCodec();
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(feed(codec, SignalCodec.bits(SignalCodec.encode(body))), [body]);
    }
    assert.equal(DEFAULT_MAX_FRAME_BYTES, maxFrameBytes(DEFAULT_MAX_MESSAGE_BYTES));
  });

  it('never throws and holds no more than the limit, whatever bits come', () => {
    const property = fc.property(
      fc.array(anyBit, { maxLength: 2000 }),
      fc.integer({ min: 1, max: 80 }),
      (bits, limit) => {
        const codec = new SignalCodec({ maxFrameBytes: limit });
        for (const bit of bits) {
          const pushed = codec.push(bit);
          assert.ok(codec.bitCount < (limit + 1) * 8);
          if (pushed instanceof Uint8Array) assert.ok(pushed.length <= limit);
        }
      },
    );
    fc.assert(property);
  });
});
