import type { QueueCounts } from '../queue/inspection.ts';
import type { Counters } from './counters.ts';

const EMPTY = { ready: 0, delayed: 0, reserved: 0, dead: 0 };

/** What is in the queues, those included that are empty and of which something was counted. */
export function withCounted(
  counts: readonly QueueCounts[],
  counters: Pick<Counters, 'queues'>,
): QueueCounts[] {
  const known = new Map(counts.map((one) => [one.queue, one]));
  for (const queue of counters.queues) {
    if (!known.has(queue)) known.set(queue, { queue, paused: false, ...EMPTY });
  }
  return [...known.values()];
}
