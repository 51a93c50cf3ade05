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
    assert.equal(handled.add(1, 1, 0), 0);
    assert.equal(handled.add(2, 1, Reason.Later), Reason.Later);
    assert.deepEqual([verdict(handled, 1, 1), verdict(handled, 2, 1)], [0, Reason.Later]);
    assert.equal(handled.get(1, 2), undefined);
    handled.add(1, 2, Reason.Failed);
    assert.deepEqual([verdict(handled, 1, 1), verdict(handled, 1, 2)], [undefined, Reason.Failed]);
  });

  it('knows how an attempt was settled later', () => {
    const handled = new Handled();
    handled.add(1, 1, Reason.Later);
    handled.change(1, 1, Reason.Later, Verb.Dead);
    assert.equal(handled.get(1, 1)?.settled, Verb.Dead);
  });

  it('lets an attempt that ended late change and forget nothing of the next one', () => {
    const handled = new Handled();
    handled.add(1, 1, Reason.Later);
    handled.add(1, 2, Reason.Later);
    handled.change(1, 1, 0);
    handled.forget(1, 1);
    assert.deepEqual([verdict(handled, 1, 1), verdict(handled, 1, 2)], [undefined, Reason.Later]);
  });

  it('forgets what it is told to, and all when ids mean other messages', () => {
    const handled = new Handled();
    handled.add(1, 1, 0);
    handled.add(2, 1, 0);
    handled.forget(1, 1);
    assert.deepEqual([verdict(handled, 1, 1), verdict(handled, 2, 1)], [undefined, 0]);
    handled.clear();
    assert.equal(handled.get(2, 1), undefined);
  });

  it('remembers 4096, and forgets the one that was taken longest ago', () => {
    const handled = new Handled();
    for (let id = 0; id < 4096; id++) handled.add(id, 1, 0);
    handled.add(0, 2, 0); // newer than all others
    handled.add(4096, 1, 0);
    assert.equal(handled.get(1, 1), undefined);
    assert.deepEqual([verdict(handled, 0, 2), verdict(handled, 2, 1)], [0, 0]);
  });
});
