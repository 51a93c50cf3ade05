import { nameBatches } from './name-batches.ts';
import type { Requester } from './requester.ts';

/**
 * How many messages the broker has in these queues for this consumer, or has given it already.
 * @throws SigmqError no broker, no answer
 */
export async function waitingIn(
  requester: Pick<Requester, 'ask'>,
  queues: readonly string[],
): Promise<number> {
  const batches = nameBatches(queues);
  const ask = (batch: readonly string[]) => requester.ask<number>({ op: 'waiting', queues: batch });
  let sum = 0;
  for (const batch of batches) sum += await ask(batch);
  // Each of the answers has counted what the consumer holds.
  if (batches.length > 1 && sum > 0) sum -= (batches.length - 1) * (await ask([]));
  return Math.max(sum, 0);
}
