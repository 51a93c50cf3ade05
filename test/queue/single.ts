/** One message at a time, for tests that are about something else than many. */
import type { NewMessage, Outcome, Reserved, Settled } from '../../src/queue/message.ts';
import type { Store } from '../../src/queue/store.ts';

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

/** Publishes messages none of which has a key. @returns their ids */
export async function put(
  store: Pick<Store, 'publish'>,
  batch: readonly NewMessage[],
): Promise<number[]> {
  return (await store.publish(batch)).map(({ id }) => id as number);
}

/** Messages for a queue. */
export function messagesFor(queue: string) {
  return (text: string, more: Partial<NewMessage> = {}): NewMessage => ({
    ...{ queue, body: Buffer.from(text), priority: 0 },
    ...more,
  });
}
