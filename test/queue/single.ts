/** One message at a time, for tests that are about something else than many. */
import type { Outcome, Reserved, Settled, Store } from '../../src/queue/store.ts';

export async function reserve(
  store: Pick<Store, 'reserve'>,
  queues: readonly string[],
  consumer: string,
): Promise<Reserved | undefined> {
  return (await store.reserve(queues, [consumer]))[0];
}

export async function settle(
  store: Pick<Store, 'settle'>,
  id: number,
  outcome: Outcome,
): Promise<Settled | undefined> {
  return (await store.settle([{ id, outcome }]))[0];
}
