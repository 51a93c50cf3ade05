import { queueOfGroup } from '../../options/groups.ts';
import { storeErrors } from '../errors.ts';
import { QueueGroups } from '../groups.ts';
import type { QueueCounts } from '../inspection.ts';
import type { MessageState, NewMessage } from '../message.ts';
import type { StorePolicy } from '../policy.ts';
import type { Queues } from '../queue-settings.ts';

interface QueueTally extends Record<MessageState, number> {
  bytes: number;
}

/** A message that is to be stored. */
export interface Added {
  readonly message: NewMessage;
  /** That it counts for. */
  readonly bytes: number;
}

/** A message that has been removed. */
export interface Removed {
  readonly queue: string;
  readonly state: MessageState;
  readonly bytes: number;
}

const NONE: Readonly<QueueTally> = { ready: 0, delayed: 0, reserved: 0, dead: 0, bytes: 0 };

/** How many messages there are, by queue and state, and their bytes: kept up to date, so that nobody has to count. */
export class Tally {
  readonly #queues = new Map<string, QueueTally>();
  readonly paused = new Set<string>();
  readonly groups = new QueueGroups();
  #messages = 0;
  #bytes = 0;
  #dead = 0;
  #deadBytes = 0;

  /** @throws StoreFull if these are more than is allowed, altogether or in one of their queues */
  assertRoom(
    { maxMessages, maxBytes }: StorePolicy,
    queues: Queues,
    batch: readonly Added[],
  ): void {
    const bytes = bytesOf(batch);
    if (this.#messages + batch.length > maxMessages)
      throw storeErrors.tooMany(this.#messages, maxMessages);
    if (this.#bytes + bytes > maxBytes) throw storeErrors.tooLarge(this.#bytes, maxBytes);
    if (queues.all.size === 0) return;
    for (const queue of new Set(batch.map(({ message }) => message.queue))) {
      const limits = queues.of(queue);
      if (limits.maxMessages === undefined && limits.maxBytes === undefined) continue;
      const more = batch.filter(({ message }) => message.queue === queue);
      const { bytes, ...states } = this.#of(queue);
      const messages = states.ready + states.delayed + states.reserved + states.dead;
      if (limits.maxMessages !== undefined && messages + more.length > limits.maxMessages)
        throw storeErrors.queueTooMany(queue, messages, limits.maxMessages);
      if (limits.maxBytes !== undefined && bytes + bytesOf(more) > limits.maxBytes)
        throw storeErrors.queueTooLarge(queue, bytes, limits.maxBytes);
    }
  }

  /** Dead messages beyond what is allowed, and their bytes; not below 0. */
  deadBeyond({ maxDead, maxDeadBytes }: StorePolicy): { messages: number; bytes: number } {
    return {
      messages: Math.max(0, this.#dead - maxDead),
      bytes: Math.max(0, this.#deadBytes - maxDeadBytes),
    };
  }

  add(queue: string, state: MessageState, messages: number, bytes: number): void {
    let tally = this.#queues.get(queue);
    if (!tally) {
      tally = { ...NONE };
      this.#queues.set(queue, tally);
    }
    tally[state] += messages;
    tally.bytes += bytes;
    this.#messages += messages;
    this.#bytes += bytes;
    if (state === 'dead') {
      this.#dead += messages;
      this.#deadBytes += bytes;
    }
    const { ready, delayed, reserved, dead } = tally;
    if (ready === 0 && delayed === 0 && reserved === 0 && dead === 0) this.#queues.delete(queue);
  }

  /** @returns how many */
  forget(removed: readonly Removed[]): number {
    for (const { queue, state, bytes } of removed) this.add(queue, state, -1, -bytes);
    return removed.length;
  }

  /** Whether a message of the queue could be delivered. */
  gives(queue: string): boolean {
    return this.#of(queue).ready > 0 && !this.#isPaused(queue);
  }

  /** Messages of the queue that consumers have. */
  reserved(queue: string): number {
    return this.#of(queue).reserved;
  }

  /** Names of the queues in which there are dead messages. */
  get withDead(): string[] {
    return [...this.#queues].filter(([, { dead }]) => dead > 0).map(([queue]) => queue);
  }

  /** Whether nothing is ready, delayed or reserved. @param withPaused also in paused queues */
  isEmpty(withPaused: boolean): boolean {
    return [...this.#queues].every(([queue, { ready, delayed, reserved }]) => {
      const waits = withPaused || !this.#isPaused(queue) ? ready + delayed : 0;
      return waits + reserved === 0;
    });
  }

  /** @param bytes of these messages; they matter only if they are dead before or afterwards */
  move(queue: string, from: MessageState, to: MessageState, messages = 1, bytes = 0): void {
    this.add(queue, to, messages, bytes);
    this.add(queue, from, -messages, -bytes);
  }

  /** By name. A queue that is paused, or has settings, and a group are named even when they are empty. */
  counts(queues: Queues): QueueCounts[] {
    const names = new Set([
      ...[...this.#queues.keys(), ...this.paused, ...queues.all.keys()],
      ...this.groups.names,
    ]);
    return [...names].sort().map((queue) => {
      const { bytes: _, ...counts } = this.#of(queue);
      const settings = queues.all.get(queue);
      return { queue, paused: this.#isPaused(queue), ...counts, ...(settings && { settings }) };
    });
  }

  #of(queue: string): Readonly<QueueTally> {
    return this.#queues.get(queue) ?? NONE;
  }

  /** A group is if its queue is. */
  #isPaused(queue: string): boolean {
    return this.paused.has(queue) || this.paused.has(queueOfGroup(queue));
  }
}

function bytesOf(batch: readonly Added[]): number {
  return batch.reduce((sum, { bytes }) => sum + bytes, 0);
}
