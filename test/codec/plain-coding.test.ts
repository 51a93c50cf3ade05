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
        const register = new PlainRegister(100, coding, () => assert.fail());
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
