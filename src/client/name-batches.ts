import { MAX_FIELDS_BYTES } from '../codec/limits.ts';

/**
 * Bytes of queue names in one request: every broker accepts a frame of that size, however small the messages that
 * it accepts, and gets the bus between two of them.
 */
const MAX_NAMES_BYTES = MAX_FIELDS_BYTES - 256;

/** Names of queues, as many at a time as a request can hold. */
export function nameBatches(queues: readonly string[]): string[][] {
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
