import { randomUUID } from 'node:crypto';
import TinyQueue from 'tinyqueue';
import { steadyMs } from '../clock.ts';
import {
  backoff,
  DEFAULT_PEEK,
  type NewMessage,
  type Outcome,
  type QueueCounts,
  type Reservation,
  type Reserved,
  type Selection,
  STATES,
  type State,
  type Store,
  type Stored,
  type StorePolicy,
  sizeOf,
} from './store.ts';
import { Tally } from './tally.ts';

/** What the first id is chosen from; 6 bytes in a frame. A clock that is set back would not do. */
const FIRST_IDS = 2 ** 41;

interface Entry {
  readonly id: number;
  readonly message: NewMessage;
  readonly enqueuedAt: number;
  readonly expiresAt: number;
  /** Not one that was kicked back: that lives until it is handled. */
  expires: boolean;
  state: State | 'gone';
  /** Attempts spent. */
  spent: number;
  dueAt: number;
  consumer: string;
}

/** Keeps messages in memory, and loses them with the process. */
export class MemoryStore implements Store {
  readonly name = 'memory';
  readonly identity = randomUUID();
  readonly #policy: StorePolicy;
  readonly #now: () => number;
  readonly #entries = new Map<number, Entry>();
  readonly #ready = new Map<string, TinyQueue<Entry>>();
  readonly #delayed = new TinyQueue<Entry>([], (a, b) => a.dueAt - b.dueAt);
  readonly #expiring = new TinyQueue<Entry>([], (a, b) => a.expiresAt - b.expiresAt);
  readonly #tally = new Tally();
  /** Ids of a later process must not repeat ours: consumers recognise a redelivery by them. */
  #nextId: number;

  constructor(policy: StorePolicy, now: () => number = steadyMs) {
    this.#policy = policy;
    this.#now = now;
    this.#nextId = 1 + Math.floor(Math.random() * FIRST_IDS);
  }

  async publish(batch: readonly NewMessage[]): Promise<number[]> {
    const bytes = batch.reduce((sum, message) => sum + sizeOf(message), 0);
    this.#tally.assertRoom(this.#policy, batch.length, bytes);
    const now = this.#now();
    return batch.map((message) => {
      const entry: Entry = {
        id: this.#nextId++,
        message,
        enqueuedAt: now,
        expiresAt: message.ttlMs === undefined ? Number.POSITIVE_INFINITY : now + message.ttlMs,
        expires: message.ttlMs !== undefined,
        state: 'ready',
        spent: 0,
        dueAt: now + (message.delayMs ?? 0),
        consumer: '',
      };
      if (entry.dueAt > now) entry.state = 'delayed';
      this.#entries.set(entry.id, entry);
      this.#tally.add(message.queue, entry.state as State, 1, sizeOf(message));
      if (message.ttlMs !== undefined) this.#expiring.push(entry);
      this.#enqueue(entry);
      return entry.id;
    });
  }

  /** A repeat after a restart cannot be known here: what it repeats was lost, too. */
  async lastSeq(): Promise<undefined> {
    return undefined;
  }

  async reserve(queues: readonly string[], consumer: string): Promise<Reserved | undefined> {
    this.#sweep();
    const heads = queues
      .filter((queue) => !this.#tally.paused.has(queue))
      .map((queue) => this.#head(queue))
      .filter((entry) => entry !== undefined);
    const entry = heads.sort(inTurn)[0];
    if (!entry) return undefined;
    this.#ready.get(entry.message.queue)?.pop();
    this.#move(entry, 'reserved');
    entry.consumer = consumer;
    return reservedOf(entry);
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
    const isDead = outcome.kind !== 'release' && entry.spent >= this.#policy.maxAttempts;
    if (outcome.kind === 'dead' || isDead) this.#move(entry, 'dead');
    else if (outcome.kind === 'failed') {
      entry.dueAt = this.#now() + backoff(this.#policy, entry.spent);
      this.#move(entry, 'delayed');
    } else this.#move(entry, 'ready');
    this.#enqueue(entry);
    if (entry.expiresAt < Number.POSITIVE_INFINITY) this.#expiring.push(entry);
    return 'settled';
  }

  async reservations(): Promise<Reservation[]> {
    return [...this.#entries.values()]
      .filter(({ state }) => state === 'reserved')
      .map((entry) => ({ ...reservedOf(entry), consumer: entry.consumer }));
  }

  async nextDue(): Promise<number | undefined> {
    this.#dropStale();
    return this.#delayed.peek()?.dueAt;
  }

  async counts(): Promise<QueueCounts[]> {
    this.#sweep();
    return this.#tally.counts();
  }

  async peek(queue: string, selection: Selection = {}): Promise<Stored[]> {
    this.#sweep();
    const { limit = DEFAULT_PEEK, maxBody, maxBytes = Number.POSITIVE_INFINITY } = selection;
    const found: Stored[] = [];
    let bytes = 0;
    for (const entry of this.#select(queue, { ...selection, limit })) {
      if (bytes > maxBytes) break;
      const { body, priority } = entry.message;
      const shown = body.subarray(0, maxBody);
      bytes += shown.length;
      found.push({
        ...{ ...reservedOf(entry), body: shown, bytes: body.length },
        ...{ state: entry.state as State, priority },
        ...(entry.state === 'delayed' ? { dueAt: entry.dueAt } : {}),
      });
    }
    return found;
  }

  async purge(queue: string, selection: Selection = {}): Promise<number> {
    const { limit, ...rest } = selection;
    const entries = this.#select(queue, rest)
      .filter(({ state }) => state !== 'reserved')
      .slice(0, limit);
    for (const entry of entries) this.#remove(entry);
    return entries.length;
  }

  async kick(queue: string, selection: Selection = {}): Promise<number> {
    const entries = this.#select(queue, { ...selection, state: 'dead' });
    for (const entry of entries) {
      entry.spent = 0;
      entry.expires = false;
      this.#move(entry, 'ready');
      this.#enqueue(entry);
    }
    return entries.length;
  }

  async pause(queue: string, paused: boolean): Promise<void> {
    if (paused) this.#tally.paused.add(queue);
    else this.#tally.paused.delete(queue);
  }

  async close(): Promise<void> {
    this.#entries.clear();
    this.#ready.clear();
  }

  #select(queue: string, { state, id, limit }: Selection): Entry[] {
    return [...this.#entries.values()]
      .filter((entry) => entry.message.queue === queue)
      .filter((entry) => state === undefined || entry.state === state)
      .filter((entry) => id === undefined || entry.id === id)
      .sort((a, b) => rank(a) - rank(b) || inTurn(a, b))
      .slice(0, limit);
  }

  #head(queue: string): Entry | undefined {
    const ready = this.#ready.get(queue);
    // Entries that were purged, or are in a heap twice, stay in it until they come up.
    while (ready?.peek() && ready.peek()?.state !== 'ready') ready.pop();
    return ready?.peek();
  }

  #enqueue(entry: Entry): void {
    if (entry.state === 'delayed') this.#delayed.push(entry);
    if (entry.state !== 'ready') return;
    const { queue } = entry.message;
    let ready = this.#ready.get(queue);
    if (!ready) {
      ready = new TinyQueue<Entry>([], inTurn);
      this.#ready.set(queue, ready);
    }
    ready.push(entry);
  }

  /** What is due becomes ready, what has expired goes. */
  #sweep(): void {
    const now = this.#now();
    for (let entry = this.#expiring.peek(); entry; entry = this.#expiring.peek()) {
      if (entry.expiresAt > now) break;
      this.#expiring.pop();
      // One that a consumer holds is looked at again when it comes back; a dead one is kept.
      const waits = entry.state === 'ready' || entry.state === 'delayed';
      if (waits && entry.expires) this.#remove(entry);
    }
    for (let entry = this.#delayed.peek(); entry; entry = this.#delayed.peek()) {
      if (entry.state === 'delayed' && entry.dueAt > now) break;
      this.#delayed.pop();
      if (entry.state !== 'delayed') continue;
      this.#move(entry, 'ready');
      this.#enqueue(entry);
    }
  }

  #dropStale(): void {
    while (this.#delayed.peek() && this.#delayed.peek()?.state !== 'delayed') this.#delayed.pop();
  }

  #move(entry: Entry, to: State): void {
    this.#tally.move(entry.message.queue, entry.state as State, to);
    entry.state = to;
  }

  #remove(entry: Entry): void {
    this.#tally.add(entry.message.queue, entry.state as State, -1, -sizeOf(entry.message));
    entry.state = 'gone';
    this.#entries.delete(entry.id);
  }
}

function reservedOf({ id, message, spent, enqueuedAt }: Entry): Reserved {
  const { queue, body, headers = [] } = message;
  return { id, queue, body, headers, attempt: spent + 1, enqueuedAt };
}

function rank({ state }: Entry): number {
  return STATES.indexOf(state as State);
}

/** Highest priority first, then the oldest. */
function inTurn(a: Entry, b: Entry): number {
  return b.message.priority - a.message.priority || a.id - b.id;
}
