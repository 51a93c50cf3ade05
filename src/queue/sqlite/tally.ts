import { queueOfGroup } from '../../options/groups.ts';
import { storeErrors } from '../errors.ts';
import { QueueGroups } from '../groups.ts';
import type { StorePolicy } from '../policy.ts';
import type { MessageState, QueueCounts } from '../store.ts';

type StateCounts = Record<MessageState, number>;

/** A message that has been removed. */
export interface Removed {
  readonly queue: string;
  readonly state: MessageState;
  readonly bytes: number;
}

/** How many messages there are, by queue and state, and their bytes: kept up to date, so that nobody has to count. */
export class Tally {
  readonly #queues = new Map<string, StateCounts>();
  readonly paused = new Set<string>();
  readonly groups = new QueueGroups();
  #messages = 0;
  #bytes = 0;

  /** @throws StoreFull if this much more is not allowed */
  assertRoom({ maxMessages, maxBytes }: StorePolicy, messages: number, bytes: number): void {
    if (this.#messages + messages > maxMessages)
      throw storeErrors.tooMany(this.#messages, maxMessages);
    if (this.#bytes + bytes > maxBytes) throw storeErrors.tooLarge(this.#bytes, maxBytes);
  }

  add(queue: string, state: MessageState, messages: number, bytes: number): void {
    let counts = this.#queues.get(queue);
    if (!counts) {
      counts = { ready: 0, delayed: 0, reserved: 0, dead: 0 };
      this.#queues.set(queue, counts);
    }
    counts[state] += messages;
    this.#messages += messages;
    this.#bytes += bytes;
    if (Object.values(counts).every((count) => count === 0)) this.#queues.delete(queue);
  }

  /** @returns how many */
  forget(removed: readonly Removed[]): number {
    for (const { queue, state, bytes } of removed) this.add(queue, state, -1, -bytes);
    return removed.length;
  }

  /** Whether a message of the queue could be delivered. */
  gives(queue: string): boolean {
    return (this.#queues.get(queue)?.ready ?? 0) > 0 && !this.#isPaused(queue);
  }

  /** Whether nothing is ready, delayed or reserved. @param withPaused also in paused queues */
  isEmpty(withPaused: boolean): boolean {
    return [...this.#queues].every(([queue, { ready, delayed, reserved }]) => {
      const waits = withPaused || !this.#isPaused(queue) ? ready + delayed : 0;
      return waits + reserved === 0;
    });
  }

  move(queue: string, from: MessageState, to: MessageState, messages = 1): void {
    this.add(queue, to, messages, 0);
    this.add(queue, from, -messages, 0);
  }

  /** By name. Paused queues and groups are named even when they are empty. */
  counts(): QueueCounts[] {
    const names = new Set([...this.#queues.keys(), ...this.paused, ...this.groups.names]);
    const none: StateCounts = { ready: 0, delayed: 0, reserved: 0, dead: 0 };
    return [...names].sort().map((queue) => ({
      queue,
      paused: this.#isPaused(queue),
      ...(this.#queues.get(queue) ?? none),
    }));
  }

  /** A group is if its queue is. */
  #isPaused(queue: string): boolean {
    return this.paused.has(queue) || this.paused.has(queueOfGroup(queue));
  }
}
