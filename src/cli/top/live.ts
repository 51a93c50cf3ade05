import type { Changes, WatchedConsumer, WatchedQueue } from '../../changes.ts';

/** How many rates are kept, for a sparkline: no terminal is wider than is needed for so many. */
const HISTORY = 60;

/** In messages per second; undefined: not known yet. */
interface Rates {
  readonly accepted: number | undefined;
  readonly done: number | undefined;
  readonly failed: number | undefined;
}

export interface LiveQueue extends WatchedQueue {
  readonly rates: Rates;
  /** Messages done per second, the last one last. */
  readonly history: readonly number[];
}

export interface LiveConsumer extends WatchedConsumer {
  /** How long it has had the message that it has had for longest; ms. */
  readonly heldMs: number;
}

/** The bits to and from the broker. */
export interface LiveBits {
  readonly perSecond: number | undefined;
  readonly history: readonly number[];
}

const COUNTED = ['accepted', 'done', 'failed'] as const;
const UNKNOWN: Rates = { accepted: undefined, done: undefined, failed: undefined };

interface Entry {
  now: WatchedQueue;
  /** As it was at the sample before. */
  before: WatchedQueue | undefined;
  rates: Rates;
  history: number[];
}

/** What a broker has told, put together, and how fast it changes. */
export class Live {
  readonly #queues = new Map<string, Entry>();
  readonly #consumers = new Map<number, WatchedConsumer>();
  #bits: number | undefined;
  #bitsBefore: number | undefined;
  #bitsPerSecond: number | undefined;
  readonly #bitsHistory: number[] = [];
  #now = 0;
  #sampledAt: number | undefined;
  #isDraining = false;

  /** What the broker has told; {@link sample} when it was all. */
  take(changes: Changes): void {
    if (changes.all) this.#forget();
    for (const queue of changes.goneQueues) this.#queues.delete(queue);
    for (const pid of changes.gonePids) this.#consumers.delete(pid);
    for (const now of changes.queues) {
      const known = this.#queues.get(now.queue);
      if (known) known.now = now;
      else this.#queues.set(now.queue, { now, before: undefined, rates: UNKNOWN, history: [] });
    }
    for (const consumer of changes.consumers) this.#consumers.set(consumer.pid, consumer);
    this.#bits = changes.bits ?? undefined;
    this.#now = changes.now;
    this.#isDraining = changes.draining;
  }

  /** Works out the rates since the sample before. */
  sample(): void {
    const before = this.#sampledAt;
    const seconds = before === undefined ? 0 : (this.#now - before) / 1000;
    for (const entry of this.#queues.values()) {
      // A queue that is new since the sample before had counted nothing then.
      const isNew = before !== undefined && entry.before === undefined;
      if (seconds > 0) entry.rates = ratesOf(isNew ? NOTHING : entry.before, entry.now, seconds);
      if (entry.rates.done !== undefined) push(entry.history, entry.rates.done);
      entry.before = entry.now;
    }
    this.#sampleBits(seconds);
    this.#sampledAt = this.#now;
  }

  /** Since when the broker runs; ms. */
  get upMs(): number {
    return this.#now;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get queues(): LiveQueue[] {
    return [...this.#queues.values()].map(({ now, rates, history }) => ({
      ...{ ...now, rates, history },
    }));
  }

  /** @param ms since the broker has told */
  consumers(ms: number): LiveConsumer[] {
    return [...this.#consumers.values()].map((consumer) => ({
      ...consumer,
      heldMs: consumer.id === 0 ? 0 : Math.max(0, this.#now + ms - consumer.since),
    }));
  }

  /** Undefined: the broker serves only plain peers. */
  get bits(): LiveBits | undefined {
    if (this.#bits === undefined) return undefined;
    return { perSecond: this.#bitsPerSecond, history: this.#bitsHistory };
  }

  #sampleBits(seconds: number): void {
    if (this.#bits !== undefined && this.#bitsBefore !== undefined && seconds > 0) {
      this.#bitsPerSecond = (this.#bits - this.#bitsBefore) / seconds;
      push(this.#bitsHistory, this.#bitsPerSecond);
    }
    this.#bitsBefore = this.#bits;
  }

  #forget(): void {
    this.#queues.clear();
    this.#consumers.clear();
    this.#sampledAt = undefined;
    this.#bitsBefore = undefined;
    this.#bitsPerSecond = undefined;
  }
}

const NOTHING = { accepted: 0, done: 0, failed: 0 };

function ratesOf(
  before: Pick<WatchedQueue, (typeof COUNTED)[number]> | undefined,
  now: WatchedQueue,
  seconds: number,
): Rates {
  if (!before) return UNKNOWN;
  const [accepted, done, failed] = COUNTED.map((kind) => (now[kind] - before[kind]) / seconds);
  return { accepted, done, failed };
}

function push(history: number[], value: number): void {
  history.push(value);
  if (history.length > HISTORY) history.shift();
}
