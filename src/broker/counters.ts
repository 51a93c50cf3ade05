import { steadyMs } from '../clock.ts';
import type { Counts, Totals } from '../status.ts';

type Counted = keyof Counts;

const NO_COUNTS: Counts = {
  accepted: 0,
  delivered: 0,
  retried: 0,
  done: 0,
  failed: 0,
  released: 0,
  lost: 0,
  expired: 0,
  dead: 0,
};
const COUNTED = Object.keys(NO_COUNTS) as Counted[];

/**
 * Queues that are counted one by one; later ones are summed up. Merely naming a queue creates it, so without a
 * bound a producer could fill the memory: this is some 2 MB.
 */
export const MAX_COUNTED_QUEUES = 10_000;

/** What the end of a delivery counts as; `return` does not count: the consumer had not begun. */
const COUNTED_AS = {
  done: 'done',
  failed: 'failed',
  release: 'released',
  lost: 'lost',
} as const;

/** The numbers that operators go by. They start with the broker and end with it. */
export class Counters {
  readonly since = new Date(steadyMs()).toISOString();
  readonly #queues = new Map<string, Record<Counted, number>>();
  /** Of the queues beyond {@link MAX_COUNTED_QUEUES}. */
  readonly #others = none();
  /** The names are the protocol's: at most 16. */
  readonly #refused = new Map<string, number>();
  #lostConsumers = 0;
  readonly #replies = { sent: 0, dropped: 0 };

  /** A message was stored. */
  accepted(queue: string): void {
    this.#of(queue).accepted++;
  }

  /** A delivery began. @param isRetry the message was given out before */
  delivered(queue: string, isRetry: boolean): void {
    const counts = this.#of(queue);
    counts.delivered++;
    if (isRetry) counts.retried++;
  }

  /** A delivery ended. @param becameDead its attempts, or releases, were used up */
  settled(queue: string, kind: string, becameDead: boolean): void {
    const counts = this.#of(queue);
    const counted = (COUNTED_AS as Readonly<Record<string, Counted>>)[kind];
    if (counted) counts[counted]++;
    if (becameDead || kind === 'dead') counts.dead++;
  }

  /** This many messages were not taken in time. @param areDead they are kept as dead ones */
  expired(queue: string, messages: number, areDead = false): void {
    const counts = this.#of(queue);
    counts.expired += messages;
    if (areDead) counts.dead += messages;
  }

  /** Messages were refused. @param reason see `reasonName()` */
  refused(reason: string, messages = 1): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + messages);
  }

  lostConsumer(): void {
    this.#lostConsumers++;
  }

  /** Somebody who asked was told what became of it. */
  replied(): void {
    this.#replies.sent++;
  }

  /** Nobody was there to be told. */
  replyDropped(): void {
    this.#replies.dropped++;
  }

  /** Names of the queues for which something was counted. */
  get queues(): Iterable<string> {
    return this.#queues.keys();
  }

  /** Undefined: nothing was counted, or it was counted among the others. */
  of(queue: string): Counts | undefined {
    return this.#queues.get(queue);
  }

  /** Of the queues for which there was no room; undefined: there was room for all. */
  get others(): Counts | undefined {
    return COUNTED.some((counted) => this.#others[counted] > 0) ? this.#others : undefined;
  }

  get totals(): Totals {
    const sum = none();
    for (const counts of [...this.#queues.values(), this.#others]) {
      for (const counted of COUNTED) sum[counted] += counts[counted];
    }
    const refused = Object.fromEntries(this.#refused);
    const replies = { ...this.#replies };
    return { since: this.since, ...sum, refused, lostConsumers: this.#lostConsumers, replies };
  }

  #of(queue: string): Record<Counted, number> {
    const known = this.#queues.get(queue);
    if (known) return known;
    if (this.#queues.size >= MAX_COUNTED_QUEUES) return this.#others;
    const counts = none();
    this.#queues.set(queue, counts);
    return counts;
  }
}

function none(): Record<Counted, number> {
  return { ...NO_COUNTS };
}
