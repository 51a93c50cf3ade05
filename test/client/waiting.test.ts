import assert from 'node:assert/strict';
import { it } from 'node:test';
import { waitingIn } from '../../src/client/waiting.ts';

const long = Array.from({ length: 1000 }, (_, n) => `${n}`.padStart(64, 'q'));

/** A broker with a message in each queue that has a number, and so many in the consumer's hands. */
function asking(ready: (queue: string) => number, held: number) {
  const asked: string[][] = [];
  const ask = async (content: unknown) => {
    const { queues } = content as { queues: string[] };
    asked.push(queues);
    return queues.reduce((sum, queue) => sum + ready(queue), held);
  };
  return { requester: { ask: ask as <T>() => Promise<T> }, asked };
}

it('asks once for a few queues', async () => {
  const { requester, asked } = asking(() => 1, 2);
  assert.equal(await waitingIn(requester, ['a', 'b']), 4);
  assert.deepEqual(asked, [['a', 'b']]);
});

it('asks for many in requests that every broker takes, and counts what is in hand once', async () => {
  const { requester, asked } = asking(() => 1, 2);
  assert.equal(await waitingIn(requester, long), 1002);
  assert.deepEqual(asked.flat(), long);
  assert.ok(asked.every((queues) => JSON.stringify(queues).length < 4096));
});

it('asks no more than needed when nothing waits', async () => {
  const { requester, asked } = asking(() => 0, 0);
  assert.equal(await waitingIn(requester, long), 0);
  assert.ok(asked.every((queues) => queues.length > 0));
});
