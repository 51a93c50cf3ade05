import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isReason, Reason, ReasonReader, reasonName } from '../../src/codec/reason.ts';
import type { Bit } from '../../src/codec/signal-codec.ts';

describe('reason', () => {
  it('has two one-bits at least in four bits: an echo of zeros is no reason', () => {
    for (const code of Object.values(Reason)) {
      assert.ok(code < 16);
      assert.ok(code.toString(2).replaceAll('0', '').length >= 2);
    }
  });

  it('tells codes from other numbers', () => {
    const known = Array.from({ length: 16 }, (_, code) => code).filter(isReason);
    assert.deepEqual(known, [3, 5, 6, 7, 9, 10, 11, 12, 13, 14]);
  });

  it('has the names of the protocol', () => {
    assert.equal(reasonName(Reason.TooLarge), 'too-large');
    assert.equal(reasonName(Reason.Full), 'full');
  });

  it('is read out bit by bit, lowest first, also when it is none', () => {
    for (let code = 0; code < 16; code++) {
      const reader = new ReasonReader();
      const bits = [0, 1, 2, 3].map((n) => ((code >> n) & 1) as Bit);
      const read = bits.map((bit) => reader.push(bit));
      assert.deepEqual(read, [undefined, undefined, undefined, code]);
    }
  });
});
