import TinyQueue from 'tinyqueue';
import type { StoreOptions } from './open-store.ts';
import {
  type NewMessage,
  type Outcome,
  type QueueCounts,
  type Reservation,
  type Reserved,
  type Store,
  StoreFull,
} from './store.ts';

/** What a laptop's memory takes without notice, at some 300 bytes a message beside its body. */
const DEFAULT_MAX_MESSAGES = 1_000_000;
const DEFAULT_MAX_BYTES = 256 << 20;
/** Deliveries of one message before it counts as dead. */
const MAX_ATTEMPTS = 5;
/** Pause after the first failed attempt, doubled after each further one; ms. */
const RETRY_MS = 1000;

interface Entry {
  readonly id: number;
  readonly message: NewMessage;
  readonly enqueuedAt: number;
  readonly expiresAt: number;
  state: 'ready' | 'delayed' | 'reserved' | 'dead';
  /** Attempts spent. */
  spent: number;
  dueAt: number;
  consumer: string;
}

/** Keeps messages in memory, and loses them with the process. */
export class MemoryStore implements Store {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #now: () => number;
  readonly #entries = new Map<number, Entry>();
  readonly #ready = new Map<string, TinyQueue<Entry>>();
  readonly #delayed = new TinyQueue<Entry>([], (a, b) => a.dueAt - b.dueAt);
  #bytes = 0;
  /** Ids of a later process must not repeat ours: consumers recognise a redelivery by them. */
  #nextId: number;

  constructor(options: Partial<StoreOptions> = {}, now: () => number = Date.now) {
    this.#maxMessages = options.maxMessages ?? DEFAULT_MAX_MESSAGES;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.#now = now;
    this.#nextId = now();
  }

  async publish(batch: readonly NewMessage[]): Promise<number[]> {
    const bytes = batch.reduce((sum, { body }) => sum + body.length, 0);
    if (this.#entries.size + batch.length > this.#maxMessages) {
      throw new StoreFull(
        `The store holds ${this.#entries.size} messages; ${this.#maxMessages} are allowed.`,
      );
    }
    if (this.#bytes + bytes > this.#maxBytes) {
      throw new StoreFull(`The store holds ${this.#bytes} bytes; ${this.#maxBytes} are allowed.`);
    }
    this.#bytes += bytes;
    const now = this.#now();
    return batch.map((message) => {
      const entry: Entry = {
        id: this.#nextId++,
        message,
        enqueuedAt: now,
        expiresAt: message.ttlMs === undefined ? Number.POSITIVE_INFINITY : now + message.ttlMs,
        state: 'ready',
        spent: 0,
        dueAt: now + (message.delayMs ?? 0),
        consumer: '',
      };
      this.#entries.set(entry.id, entry);
      if (entry.dueAt > now) this.#delay(entry, entry.dueAt);
      else this.#offer(entry);
      return entry.id;
    });
  }

  /** A repeat after a restart cannot be known here: what it repeats was lost, too. */
  async lastSeq(): Promise<undefined> {
    return undefined;
  }

  async reserve(queues: readonly string[], consumer: string): Promise<Reserved | undefined> {
    const now = this.#now();
    this.#wakeDue(now);
    const heads = queues
      .map((queue) => this.#head(queue, now))
      .filter((entry) => entry !== undefined);
    const entry = heads.sort(inTurn)[0];
    if (!entry) return undefined;
    this.#ready.get(entry.message.queue)?.pop();
    entry.state = 'reserved';
    entry.consumer = consumer;
    const { queue, body, headers = [] } = entry.message;
    return {
      id: entry.id,
      queue,
      body,
      headers,
      attempt: entry.spent + 1,
      enqueuedAt: entry.enqueuedAt,
    };
  }

  async settle(id: number, outcome: Outcome): Promise<'settled' | 'unknown'> {
    const entry = this.#entries.get(id);
    if (entry?.state !== 'reserved') return 'unknown';
    entry.consumer = '';
    if (outcome.kind === 'done') {
      this.#remove(entry);
      return 'settled';
    }
    if (outcome.kind !== 'release') entry.spent++;
    if (outcome.kind === 'dead' || entry.spent >= MAX_ATTEMPTS) entry.state = 'dead';
    else if (outcome.kind === 'failed') {
      this.#delay(entry, this.#now() + RETRY_MS * 2 ** (entry.spent - 1));
    } else this.#offer(entry);
    return 'settled';
  }

  async reservations(): Promise<Reservation[]> {
    return [...this.#entries.values()].filter(({ state }) => state === 'reserved');
  }

  async nextDue(): Promise<number | undefined> {
    return this.#delayed.peek()?.dueAt;
  }

  async counts(): Promise<QueueCounts[]> {
    const counts = new Map<string, { -readonly [K in keyof QueueCounts]: QueueCounts[K] }>();
    for (const { message, state } of this.#entries.values()) {
      const { queue } = message;
      const count = counts.get(queue) ?? { queue, ready: 0, delayed: 0, reserved: 0, dead: 0 };
      count[state]++;
      counts.set(queue, count);
    }
    return [...counts.values()];
  }

  async close(): Promise<void> {
    this.#entries.clear();
    this.#ready.clear();
  }

  /** The next message of a queue; drops expired ones on the way. */
  #head(queue: string, now: number): Entry | undefined {
    const ready = this.#ready.get(queue);
    for (let entry = ready?.peek(); entry; entry = ready?.peek()) {
      if (entry.expiresAt > now) return entry;
      ready?.pop();
      this.#remove(entry);
    }
    return undefined;
  }

  #offer(entry: Entry): void {
    entry.state = 'ready';
    const { queue } = entry.message;
    let ready = this.#ready.get(queue);
    if (!ready) {
      ready = new TinyQueue<Entry>([], inTurn);
      this.#ready.set(queue, ready);
    }
    ready.push(entry);
  }

  #delay(entry: Entry, dueAt: number): void {
    entry.state = 'delayed';
    entry.dueAt = dueAt;
    this.#delayed.push(entry);
  }

  #wakeDue(now: number): void {
    for (
      let entry = this.#delayed.peek();
      entry && entry.dueAt <= now;
      entry = this.#delayed.peek()
    ) {
      this.#delayed.pop();
      this.#offer(entry);
    }
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.id);
    this.#bytes -= entry.message.body.length;
  }
}

/** Highest priority first, then the oldest. */
function inTurn(a: Entry, b: Entry): number {
  return b.message.priority - a.message.priority || a.id - b.id;
}
