import { MAX_FIELDS_BYTES } from '../codec/limits.ts';
import type { Requester } from './requester.ts';

/**
 * Bytes of queue names in one request: every broker accepts a frame of that size, however small the messages that
 * it accepts, and gets the bus between two of them.
 */
const MAX_NAMES_BYTES = MAX_FIELDS_BYTES - 256;

/**
 * How many messages the broker has in these queues for this consumer, or has given it already.
 * @throws SigmqError no broker, no answer
 */
export async function waitingIn(
  requester: Pick<Requester, 'ask'>,
  queues: readonly string[],
): Promise<number> {
  const batches = batchesOf(queues);
  const ask = (batch: readonly string[]) => requester.ask<number>({ op: 'waiting', queues: batch });
  let sum = 0;
  for (const batch of batches) sum += await ask(batch);
  // Each of the answers has counted what the consumer holds.
  if (batches.length > 1 && sum > 0) sum -= (batches.length - 1) * (await ask([]));
  return Math.max(sum, 0);
}

export function batchesOf(queues: readonly string[]): string[][] {
  const batches: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const queue of queues) {
    const size = JSON.stringify(queue).length + 1;
    if (bytes + size > MAX_NAMES_BYTES) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(queue);
    bytes += size;
  }
  return batches;
}
