import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer } from '../client/consumer.ts';
import { SigmqError } from '../errors.ts';

/** How often to ask whether nothing is ready, while what is ready does not come: others may have taken it; ms. */
const EMPTY_LOOK_MS = 200;

type Asked = Pick<Consumer, 'lastSignalAt' | 'waiting' | 'isBrokerRunning'>;

/**
 * Waits until the broker has nothing for this consumer.
 * @param isBusy a message is in hand
 * @param isOver nobody needs to know any more
 * @returns false when it is over
 * @throws SigmqError no broker is running, or it does not answer
 */
export async function untilEmpty(
  consumer: Asked,
  isBusy: () => boolean,
  isOver: () => boolean,
): Promise<boolean> {
  while (!isOver()) {
    // A message on its way takes as long as it takes: no answer can come before it.
    const isMoving = () => isBusy() || consumer.lastSignalAt !== undefined;
    if (!isMoving() && (await waiting(consumer)) === 0 && !isMoving() && !isOver()) return true;
    await sleep(EMPTY_LOOK_MS);
  }
  return false;
}

/** Undefined: there was no answer in time, because something long was on its way, to us or to somebody else. */
async function waiting(consumer: Asked): Promise<number | undefined> {
  try {
    return await consumer.waiting();
  } catch (error) {
    const isLate = error instanceof SigmqError && error.code === 'no-answer';
    if (isLate && consumer.isBrokerRunning()) return undefined;
    throw error;
  }
}
