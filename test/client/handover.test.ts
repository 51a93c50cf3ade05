import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Handover } from '../../src/client/handover.ts';
import type { Settler } from '../../src/client/settler.ts';
import { Verb } from '../../src/link/settlement.ts';

const name = { id: 7, delivery: 1, incarnation: 5 };
const content = {
  body: Buffer.from('x'),
  id: 7,
  queue: 'q',
  attempt: 1,
  releases: 0,
  headers: [],
  isAsked: false,
};

/** A message that is handed over, and what the settler is told of it. */
function given(isKnown = true) {
  const told: string[] = [];
  const kept: Promise<unknown>[] = [];
  const settler = {
    settle: async (_: unknown, verb: Verb) => {
      told.push(verb);
      return isKnown;
    },
    extend: async () => {
      told.push(Verb.Extend);
      return isKnown;
    },
    keep: (work: Promise<unknown>) => void kept.push(work),
  } as unknown as Settler;
  const handover = new Handover(name, content, settler);
  return { handover, message: handover.message, told, kept };
}

/** What a promise has come to by now. */
async function by<T>(promise: Promise<T>): Promise<T | 'pending'> {
  await turn();
  return Promise.race([promise, Promise.resolve('pending' as const)]);
}

describe('Handover', () => {
  it('lets the answer say how a message was settled before', async () => {
    const { handover, message, told, kept } = given();
    assert.equal(handover.early, undefined);
    const known = message.done();
    assert.equal(handover.early, Verb.Done);
    assert.equal(await by(known), 'pending', 'the broker does not know yet');
    handover.answered();
    assert.deepEqual([await by(known), told, kept], [true, [], []]);
  });

  it('settles it afterwards when the answer could not say it', async () => {
    for (const isKnown of [true, false]) {
      const { handover, message, told, kept } = given(isKnown);
      const known = message.reject();
      handover.postponed();
      assert.deepEqual([await by(known), told], [isKnown, [Verb.Dead]]);
      assert.equal(await by(kept[0] as Promise<boolean>), isKnown);
    }
  });

  it('settles what is settled after the answer, and keeps it until then', async () => {
    const { handover, message, told, kept } = given();
    handover.postponed();
    assert.deepEqual([kept.length, await by(kept[0] as Promise<boolean>)], [1, 'pending']);
    const known = message.fail();
    assert.deepEqual([await by(known), await by(kept[0] as Promise<boolean>)], [true, true]);
    assert.deepEqual(told, [Verb.Failed]);
    assert.equal(await message.done(), false);
    assert.deepEqual(told, [Verb.Failed]);
  });

  it('extends it once it is answered; before that it is ours in any case', async () => {
    const { handover, message, told } = given(false);
    assert.equal(await by(message.extend()), true);
    assert.deepEqual(told, []);
    handover.postponed();
    assert.equal(await by(message.extend()), false);
    assert.deepEqual(told, [Verb.Extend]);
  });
});
