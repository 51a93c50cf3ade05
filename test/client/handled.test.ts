import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Handled } from '../../src/client/handled.ts';
import { Reason } from '../../src/codec/reason.ts';

describe('Handled', () => {
  it('knows what was answered to a delivery, and to no other attempt of it', () => {
    const handled = new Handled();
    assert.equal(handled.get(1, 1), undefined);
    assert.equal(handled.set(1, 1, 0), 0);
    assert.equal(handled.set(2, 1, Reason.Later), Reason.Later);
    assert.deepEqual([handled.get(1, 1), handled.get(2, 1)], [0, Reason.Later]);
    assert.equal(handled.get(1, 2), undefined);
    handled.set(1, 2, Reason.Failed);
    assert.deepEqual([handled.get(1, 1), handled.get(1, 2)], [undefined, Reason.Failed]);
  });

  it('forgets what it is told to', () => {
    const handled = new Handled();
    handled.set(1, 1, 0);
    handled.forget(1);
    handled.forget(2);
    assert.equal(handled.get(1, 1), undefined);
  });

  it('remembers 4096, and forgets the one that was answered longest ago', () => {
    const handled = new Handled();
    for (let id = 0; id < 4096; id++) handled.set(id, 1, 0);
    handled.set(0, 1, Reason.Failed); // settled: newer than all others
    handled.set(4096, 1, 0);
    assert.equal(handled.get(1, 1), undefined);
    assert.deepEqual([handled.get(0, 1), handled.get(2, 1)], [Reason.Failed, 0]);
  });
});
