import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { USUAL_CODING } from '../../src/codec/plain-coding.ts';
import { SignalCodec } from '../../src/codec/signal-codec.ts';
import { PlainRegister } from '../../src/link/plain-register.ts';
import { bytes, utf8 } from '../codec/vectors.ts';

describe('PlainRegister', () => {
  it('shows the unfinished byte, and forgets it', () => {
    const register = new PlainRegister(4, USUAL_CODING, () => {});
    for (const bit of [1, 0, 1] as const) register.push(bit);
    assert.deepEqual(register.partial, { byte: 0b101, bits: 3 });
    assert.equal(register.idle, false);
    register.reset();
    assert.deepEqual(register.partial, { byte: 0, bits: 0 });
    assert.equal(register.idle, true);
  });

  it('drops what is too long, and takes the next message', () => {
    let tooLong = 0;
    const register = new PlainRegister(2, USUAL_CODING, () => tooLong++);
    const pushed = (body: Uint8Array) =>
      [...SignalCodec.bits(SignalCodec.encode(body))].flatMap((bit) => register.push(bit) ?? []);
    assert.deepEqual(pushed(utf8('abc')), []);
    assert.equal(tooLong, 1);
    assert.deepEqual(pushed(utf8('ab')), [utf8('ab')]);
    assert.deepEqual(pushed(bytes()), [], 'an empty message is none');
  });
});
