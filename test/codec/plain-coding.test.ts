import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  inOrder,
  meaningOf,
  ONES,
  ORDERS,
  plainFrame,
  USUAL_CODING,
  weightOf,
} from '../../src/codec/plain-coding.ts';
import { SignalCodec } from '../../src/codec/signal-codec.ts';
import { PlainRegister } from '../../src/link/plain-register.ts';
import { bytes, utf8 } from './vectors.ts';

const text = fc.uint8Array({ minLength: 1, maxLength: 20, min: 1 });
const coding = fc.record({ order: fc.constantFrom(...ORDERS), one: fc.constantFrom(...ONES) });

describe('plainFrame', () => {
  it('is that of the protocol by default', () => {
    assert.deepEqual(plainFrame(utf8('h'), USUAL_CODING), SignalCodec.encode(utf8('h')));
  });

  it('has the bits the other way round, and the other signal for a 1', () => {
    const h = utf8('h'); // 0110 1000
    assert.deepEqual(plainFrame(h, { order: 'msb', one: 'usr2' }), bytes(0b0001_0110, 0));
    assert.deepEqual(plainFrame(h, { order: 'lsb', one: 'usr1' }), bytes(0b1001_0111, 0xff));
    assert.deepEqual(plainFrame(h, { order: 'msb', one: 'usr1' }), bytes(0b1110_1001, 0xff));
  });

  it('is refused with a zero byte', () => {
    assert.throws(() => plainFrame(bytes(1, 0), USUAL_CODING), /zero/);
  });

  it('is what a register of the same coding reads', () => {
    fc.assert(
      fc.property(text, coding, (body, coding) => {
        const register = new PlainRegister(100, coding);
        const messages = [...SignalCodec.bits(plainFrame(body, coding))].flatMap(
          (bit) => register.push(bit) ?? [],
        );
        assert.deepEqual(
          messages.map((got) => [...got]),
          [[...body]],
        );
        assert.equal(register.idle, true);
      }),
    );
  });
});

it('the weights of the bits of a byte make its value, in any coding', () => {
  fc.assert(
    fc.property(fc.nat(255), coding, (byte, coding) => {
      const [signals = 0] = plainFrame(bytes(byte || 1), coding);
      let sum = 0;
      for (let position = 0; position < 8; position++) {
        const bit = meaningOf(((signals >> position) & 1) as 0 | 1, coding);
        sum += bit * weightOf(position, coding);
      }
      assert.equal(sum, byte || 1);
      assert.equal(inOrder(inOrder(byte, coding), coding), byte);
    }),
  );
});

describe('PlainRegister', () => {
  it('shows the unfinished byte, and forgets it', () => {
    const register = new PlainRegister(4, USUAL_CODING);
    for (const bit of [1, 0, 1] as const) register.push(bit);
    assert.deepEqual(register.partial, { byte: 0b101, bits: 3 });
    assert.equal(register.idle, false);
    register.reset();
    assert.deepEqual(register.partial, { byte: 0, bits: 0 });
    assert.equal(register.idle, true);
  });

  it('drops what is too long, and takes the next message', () => {
    const register = new PlainRegister(2, USUAL_CODING);
    const pushed = (body: Uint8Array) =>
      [...SignalCodec.bits(SignalCodec.encode(body))].flatMap((bit) => register.push(bit) ?? []);
    assert.deepEqual(pushed(utf8('abc')), []);
    assert.equal(register.overflows, 1);
    assert.deepEqual(pushed(utf8('ab')), [utf8('ab')]);
    assert.deepEqual(pushed(bytes()), [], 'an empty message is none');
  });
});
