import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Handled, type Name } from '../../src/client/handled.ts';
import { Reason } from '../../src/codec/reason.ts';
import { Verb } from '../../src/link/settlement.ts';

const name = (id: number, delivery = 1, incarnation = 5): Name => ({ id, delivery, incarnation });

describe('Handled', () => {
  it('knows what was answered to a delivery, and to no other one', () => {
    const handled = new Handled();
    assert.equal(handled.get(name(1)), undefined);
    assert.equal(handled.add(name(1), 0), 0);
    assert.equal(handled.add(name(2), Reason.Later), Reason.Later);
    const verdicts = [1, 2].map((id) => handled.get(name(id))?.verdict);
    assert.deepEqual(verdicts, [0, Reason.Later]);
    for (const other of [name(1, 2), name(1, 1, 6), name(1, 1, 0), name(11)]) {
      assert.equal(handled.get(other), undefined);
    }
  });

  it('knows how a delivery was settled later, and nothing of one that it never took', () => {
    const handled = new Handled();
    handled.add(name(1), Reason.Later);
    handled.change(name(1), Reason.Later, Verb.Dead);
    handled.change(name(1, 2), 0);
    assert.equal(handled.get(name(1))?.settled, Verb.Dead);
    assert.equal(handled.get(name(1, 2)), undefined);
  });

  it('remembers 4096, and forgets the one that was taken longest ago', () => {
    const handled = new Handled();
    for (let id = 0; id < 4096; id++) handled.add(name(id), 0);
    handled.add(name(4096), 0);
    assert.equal(handled.get(name(0)), undefined);
    assert.deepEqual([handled.get(name(1))?.verdict, handled.get(name(4096))?.verdict], [0, 0]);
  });
});
