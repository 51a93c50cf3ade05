import { becameOf } from '../groups.ts';
import { allOf, firstOfEach } from '../keys.ts';
import { type NewMessage, type Published, sizeOf } from '../message.ts';
import type { StorePolicy } from '../policy.ts';
import type { Queues } from '../queue-settings.ts';
import type { Store } from '../store.ts';
import type { SqliteConnection } from './connection.ts';
import type { Keys } from './keys.ts';
import { remember } from './producers.ts';
import type { Added, Tally } from './tally.ts';
import type { Timetable } from './timetable.ts';

export interface PublisherOptions {
  readonly db: SqliteConnection;
  readonly policy: StorePolicy;
  readonly queues: Queues;
  readonly tally: Tally;
  readonly keys: Keys;
  readonly timetable: Timetable;
  /** Milliseconds since the epoch. */
  now(): number;
  /** The position for a message that becomes ready now; takes the `count` positions after it as well. */
  position(count: number): number;
}

/** Storing messages in the file. */
export class SqlitePublisher implements Pick<Store, 'publish'> {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  async publish(all: readonly NewMessage[]): Promise<Published[]> {
    const { db, policy, queues, tally, keys, timetable, position } = this.#options;
    const now = this.#options.now();
    db.try(() => timetable.sweep(now));
    const firsts = firstOfEach(all);
    const distinct = all.filter((_, n) => firsts[n] === n);
    const sizes = distinct.map(sizeOf);
    const copies = tally.groups.copies(distinct);
    const standing = db.try(() => copies.map((copy) => keys.standing(copy, now)));
    const batch = copies
      .filter((_, n) => !standing[n])
      .map(({ message, of }) => ({ message, bytes: sizes[of] as number }));
    tally.assertRoom(policy, queues, batch);
    const bytes = batch.reduce((sum, added) => sum + added.bytes, 0);
    const ids = db.publish(bytes, () => {
      const before = position(batch.length);
      const ids = batch.map(({ message }, n) => this.#insert(message, before + n + 1, now));
      remember(db, all);
      if (all.some(({ key }) => key !== undefined)) keys.forget(now);
      return ids;
    });
    for (const added of batch) this.#count(added, now);
    db.fsyncSoon();
    const stored = ids.map((id) => ({ id, isDuplicate: false })).values();
    const became = standing.map((known) => known ?? (stored.next().value as Published));
    return allOf(firsts, becameOf(distinct.length, copies, became));
  }

  #count({ message, bytes }: Added, now: number): void {
    const { tally, timetable } = this.#options;
    const { queue, delayMs = 0, ttlMs } = message;
    tally.add(queue, delayMs > 0 ? 'delayed' : 'ready', 1, bytes);
    if (delayMs > 0) timetable.addDue(now + delayMs);
    if (ttlMs !== undefined) timetable.addExpiry(now + ttlMs);
  }

  #insert(message: NewMessage, position: number, now: number): number {
    const { queue, body, priority, headers = [], delayMs = 0, ttlMs, key, keyTtlMs } = message;
    const { maxAttempts, backoffMs, deadTo, asker = null } = message;
    const { lastInsertRowid } = this.#options.db
      .sql(
        `INSERT INTO messages
        (queue, state, priority, position, body, headers, enqueued_at, due_at, expires_at, key, key_ttl,
          max_attempts, backoff, dead_to, asker)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run([
        queue,
        delayMs > 0 ? 'delayed' : 'ready',
        priority,
        position,
        Buffer.from(body),
        headers.length > 0 ? JSON.stringify(headers) : null,
        now,
        delayMs > 0 ? Math.ceil(now + delayMs) : null,
        ttlMs === undefined ? null : Math.ceil(now + ttlMs),
        key ?? null,
        keyTtlMs === undefined ? null : Math.ceil(keyTtlMs),
        maxAttempts ?? null,
        backoffMs === undefined ? null : Math.ceil(backoffMs),
        deadTo ?? null,
        asker,
      ]);
    return Number(lastInsertRowid);
  }
}
