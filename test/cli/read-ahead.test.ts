import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ReadAhead } from '../../src/cli/read-ahead.ts';

/** Batches that arrive when they are told to. */
function given() {
  const asked: { resolve(batch: string[] | undefined): void; reject(error: Error): void }[] = [];
  async function* batches() {
    for (;;) {
      const batch = await new Promise<string[] | undefined>((resolve, reject) => {
        asked.push({ resolve, reject });
      });
      if (!batch) return;
      yield batch;
    }
  }
  const input = new ReadAhead(batches());
  const arrive = async (batch?: string[]) => {
    asked.at(-1)?.resolve(batch);
    await turn();
  };
  const fail = async (error: Error) => {
    asked.at(-1)?.reject(error);
    await turn();
  };
  return { input, asked, arrive, fail };
}

describe('ReadAhead', () => {
  it('has the next batch read once the one before is used, and no more than that', async () => {
    const { input, asked, arrive } = given();
    await turn();
    assert.equal(asked.length, 1);
    await arrive(['a', 'b']);
    assert.deepEqual([await input.more(), asked.length], [true, 1]);
    const items = input.items();
    assert.equal(items.next().value, 'a');
    await turn();
    assert.equal(asked.length, 2);
    await arrive(['c']);
    assert.deepEqual([items.next().value, asked.length], ['b', 2]);
    assert.equal(items.next().value, 'c');
    assert.equal(items.next().done, true, 'nothing has arrived');
    await turn();
    assert.equal(asked.length, 3);
    await arrive(['d']);
    assert.ok(await input.more());
    assert.deepEqual([...input.items()], ['d']);
    await turn();
    await arrive(undefined);
    assert.equal(await input.more(), false);
    assert.deepEqual([...input.items()], []);
  });

  it('fails when all that came before is used', async () => {
    const { input, arrive, fail } = given();
    await turn();
    await arrive(['a']);
    assert.ok(await input.more());
    const items = input.items();
    items.next();
    await turn();
    await fail(new Error('broken'));
    assert.equal(items.next().done, true);
    await assert.rejects(input.more(), /broken/);
    await assert.rejects(input.more(), /broken/);
  });
});
