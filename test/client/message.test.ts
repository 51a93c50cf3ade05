import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeliveredMessage } from '../../src/client/message.ts';
import type { Told } from '../../src/link/settlement.ts';

function given(isAsked: boolean) {
  const told: (readonly [verb: string, told: Told | undefined])[] = [];
  const content = { body: Buffer.from('x'), id: 1, queue: 'q', attempt: 1, releases: 0 };
  const message = new DeliveredMessage(
    { ...content, headers: [], isAsked },
    async (verb, what) => {
      told.push([verb, what]);
      return true;
    },
    () => 3,
  );
  return { message, told };
}

describe('DeliveredMessage', () => {
  it('tells who asked the exit code, and people the reason', async () => {
    const { message, told } = given(true);
    assert.equal(await message.fail('why', { exitCode: 3 }), true);
    assert.equal(await message.done(), false, 'it is settled');
    assert.deepEqual(told, [['f', { exitCode: 3, reason: 'why' }]]);
    const { message: plain, told: nothing } = given(false);
    await plain.reject(undefined, { exitCode: 3 });
    assert.deepEqual(nothing, [['x', undefined]], 'nobody asked');
  });

  for (const exitCode of [null, -1, 1.5, 256, 'x']) {
    it(`is not settled with an exit code of ${exitCode}`, async () => {
      const { message, told } = given(true);
      const wrong = { exitCode: exitCode as never };
      for (const settling of [
        message.fail('x', wrong),
        message.reject('x', wrong),
        message.release(wrong),
        message.reply('x', wrong),
      ])
        await assert.rejects(settling, { name: 'OptionError' });
      assert.deepEqual([told, message.isSettled], [[], false]);
      assert.equal(await message.done(), true);
    });
  }

  it('is not settled with a reason that is no text, or a reply that is too large', async () => {
    const { message, told } = given(true);
    await assert.rejects(message.fail(Object.create(null)));
    await assert.rejects(message.reply('1234'), { code: 'too-large' });
    assert.deepEqual([told, message.isSettled], [[], false]);
    await message.reply('123');
    assert.deepEqual(told, [['d', { exitCode: 0, reply: Buffer.from('123') }]]);
  });
});
