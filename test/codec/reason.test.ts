import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isReason, Reason, reasonName } from '../../src/codec/reason.ts';

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

  it('has the names of the protocol', () => {
    assert.equal(reasonName(Reason.TooLarge), 'too-large');
    assert.equal(reasonName(Reason.Full), 'full');
  });
});
