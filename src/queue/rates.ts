import { rateOf } from '../options/rates.ts';

/** What was not delivered may be made up for within so much time, so that a rate is kept that timers cannot; ms. */
const BURST_MS = 100;

interface Bucket {
  readonly text: string;
  readonly intervalMs: number;
  /** How far ahead of its time the last one may be. */
  readonly slackMs: number;
  /** When the next one would be in time. */
  nextAt: number;
}

/**
 * How many messages of a queue may be delivered now: they are spread evenly (GCRA, as ATM's traffic shapers use it:
 * https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm).
 */
export class Rates {
  readonly #buckets = new Map<string, Bucket>();

  /** @param text as in {@link QueueSettings.rate} @param now ms */
  allowance(queue: string, text: string, now: number): number {
    const { nextAt, slackMs, intervalMs } = this.#bucketOf(queue, text, now);
    const behind = now + slackMs - Math.max(nextAt, now);
    return Math.max(0, Math.floor(behind / intervalMs + 1));
  }

  /** When {@link allowance} is more than 0 again. */
  opensAt(queue: string): number {
    const { nextAt = 0, slackMs = 0 } = this.#buckets.get(queue) ?? {};
    return nextAt - slackMs;
  }

  /** So many are delivered. */
  take(queue: string, text: string, messages: number, now: number): void {
    const bucket = this.#bucketOf(queue, text, now);
    bucket.nextAt = Math.max(bucket.nextAt, now) + messages * bucket.intervalMs;
  }

  /** Another rate starts anew. */
  #bucketOf(queue: string, text: string, now: number): Bucket {
    const known = this.#buckets.get(queue);
    if (known?.text === text) return known;
    const { count, perMs } = rateOf(text);
    const intervalMs = perMs / count;
    const slackMs = Math.max(0, BURST_MS - intervalMs);
    const bucket = { text, intervalMs, slackMs, nextAt: now };
    this.#buckets.set(queue, bucket);
    return bucket;
  }
}
