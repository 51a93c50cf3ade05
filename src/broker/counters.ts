import { steadyMs } from '../clock.ts';
import { Histogram, type HistogramCounts } from '../histogram.ts';
import type { Counts, Totals } from '../status.ts';

type Kind = keyof Counts;

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
  dropped: 0,
};
const KINDS = Object.keys(NO_COUNTS) as Kind[];

/**
 * Queues that are counted one by one; later ones are summed up. Merely naming a queue creates it, so without a
 * bound a producer could fill the memory: this is some 6 MB.
 */
export const MAX_COUNTED_QUEUES = 10_000;

/** What the end of a delivery counts as; `return` does not count: the consumer had not begun. */
const COUNTED_AS = {
  done: 'done',
  failed: 'failed',
  release: 'released',
  lost: 'lost',
} as const;

/** From a job that somebody waits for to one that runs once a day; s. */
const LATENCY_BOUNDS = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  ...[300, 900, 3600, 14_400, 86_400],
];

interface Counted {
  readonly counts: Record<Kind, number>;
  /** From accepted to done; undefined: none was. */
  latency?: Histogram;
}

/** The numbers that operators go by. They start with the broker and end with it. */
export class Counters {
  readonly since = new Date(steadyMs()).toISOString();
  readonly #queues = new Map<string, Counted>();
  /** Of the queues beyond {@link MAX_COUNTED_QUEUES}. */
  readonly #others: Counted = none();
  /** The names are the protocol's: at most 16. */
  readonly #refused = new Map<string, number>();
  #lostConsumers = 0;
  readonly #replies = { sent: 0, dropped: 0 };
  #resends = 0;
  #repeats = 0;

  /** A message was stored. */
  accepted(queue: string): void {
    this.#of(queue).counts.accepted++;
  }

  /** A delivery began. @param isRetry the message was given out before */
  delivered(queue: string, isRetry: boolean): void {
    const { counts } = this.#of(queue);
    counts.delivered++;
    if (isRetry) counts.retried++;
  }

  /**
   * A delivery ended.
   * @param becameDead its attempts, or releases, were used up
   * @param ms since the message was accepted; undefined: not known
   */
  settled(queue: string, kind: string, becameDead: boolean, ms?: number): void {
    const counted = this.#of(queue);
    const { counts } = counted;
    const countedAs = (COUNTED_AS as Readonly<Record<string, Kind>>)[kind];
    if (countedAs) counts[countedAs]++;
    if (becameDead || kind === 'dead') counts.dead++;
    if (kind !== 'done' || ms === undefined) return;
    counted.latency ??= new Histogram(LATENCY_BOUNDS);
    counted.latency.add(ms);
  }

  /** This many messages were not taken in time. @param areDead they are kept as dead ones */
  expired(queue: string, messages: number, areDead = false): void {
    const { counts } = this.#of(queue);
    counts.expired += messages;
    if (areDead) counts.dead += messages;
  }

  /** So many dead messages were removed. */
  dropped(queue: string, messages: number): void {
    this.#of(queue).counts.dropped += messages;
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

  /** A frame of the broker went out once more. */
  resent(): void {
    this.#resends++;
  }

  /** A frame of messages came once more. */
  repeated(): void {
    this.#repeats++;
  }

  /** Names of the queues for which something was counted. */
  get queues(): Iterable<string> {
    return this.#queues.keys();
  }

  /** Undefined: nothing was counted, or it was counted among the others. */
  of(queue: string): Counts | undefined {
    return this.#queues.get(queue)?.counts;
  }

  /** From accepted to done. Undefined: no message of the queue was done, or it was counted among the others. */
  latencyOf(queue: string): HistogramCounts | undefined {
    return this.#queues.get(queue)?.latency?.counted;
  }

  /** Of the queues for which there was no room; undefined: there was room for all. */
  get others(): Counts | undefined {
    const { counts } = this.#others;
    return KINDS.some((kind) => counts[kind] > 0) ? counts : undefined;
  }

  get totals(): Totals {
    const sum = { ...NO_COUNTS } as Record<Kind, number>;
    for (const { counts } of [...this.#queues.values(), this.#others]) {
      for (const kind of KINDS) sum[kind] += counts[kind];
    }
    return {
      ...{ since: this.since, ...sum, refused: Object.fromEntries(this.#refused) },
      ...{ lostConsumers: this.#lostConsumers, replies: { ...this.#replies } },
      ...{ resends: this.#resends, repeats: this.#repeats },
    };
  }

  #of(queue: string): Counted {
    const known = this.#queues.get(queue);
    if (known) return known;
    if (this.#queues.size >= MAX_COUNTED_QUEUES) return this.#others;
    const counted = none();
    this.#queues.set(queue, counted);
    return counted;
  }
}

function none(): Counted {
  return { counts: { ...NO_COUNTS } };
}
