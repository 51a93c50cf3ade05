import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Handled } from '../../src/client/handled.ts';
import { Reason } from '../../src/codec/reason.ts';
import { Verb } from '../../src/link/settlement.ts';

const verdict = (handled: Handled, id: number, attempt: number) =>
  handled.get(id, attempt)?.verdict;

describe('Handled', () => {
  it('knows what was answered to a delivery, and to no other attempt of it', () => {
    const handled = new Handled();
    assert.equal(handled.get(1, 1), undefined);
    assert.equal(handled.set(1, 1, 0), 0);
    assert.equal(handled.set(2, 1, Reason.Later), Reason.Later);
    assert.deepEqual([verdict(handled, 1, 1), verdict(handled, 2, 1)], [0, Reason.Later]);
    assert.equal(handled.get(1, 2), undefined);
    handled.set(1, 2, Reason.Failed);
    assert.deepEqual([verdict(handled, 1, 1), verdict(handled, 1, 2)], [undefined, Reason.Failed]);
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
    assert.deepEqual([verdict(handled, 0, 1), verdict(handled, 2, 1)], [Reason.Failed, 0]);
  });

  it('knows how a message was settled later, and forgets all when ids mean others', () => {
    const handled = new Handled();
    handled.set(1, 1, Reason.Failed, Verb.Dead);
    assert.equal(handled.get(1, 1)?.settled, Verb.Dead);
    handled.clear();
    assert.equal(handled.get(1, 1), undefined);
  });
});
