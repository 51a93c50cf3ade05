import { steadyMs } from '../clock.ts';
import { StoreError, storeErrors } from './errors.ts';
import type { Fsync } from './open-store.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { count, type Held } from './sqlite-count.ts';
import { openSqliteFile } from './sqlite-file.ts';
import { kick, peek, purge } from './sqlite-inspection.ts';
import { identify, setBack } from './sqlite-opening.ts';
import { lastSeq, remember } from './sqlite-producers.ts';
import { bytesOf, type Row, reservedOf } from './sqlite-rows.ts';
import { Timetable } from './sqlite-timetable.ts';
import {
  backoff,
  type NewMessage,
  type Outcome,
  type QueueCounts,
  type Reservation,
  type Reserved,
  type Selection,
  type Store,
  type Stored,
  type StorePolicy,
  sizeOf,
} from './store.ts';
import { Tally } from './tally.ts';

/**
 * Keeps messages in an SQLite file, in its write-ahead log first (https://sqlite.org/wal.html). One
 * process at a time has it, so counts and what is held are known here, too.
 */
export class SqliteStore implements Store {
  readonly name: string;
  readonly identity: string;
  readonly #db: SqliteConnection;
  readonly #policy: StorePolicy;
  readonly #now: () => number;
  readonly #tally = new Tally();
  readonly #held = new Map<number, Held>();
  readonly #timetable: Timetable;

  /** @throws StoreError */
  static open(
    folder: string,
    policy: StorePolicy,
    fsync: Fsync,
    now: () => number = steadyMs,
  ): SqliteStore {
    const file = openSqliteFile(folder);
    try {
      return new SqliteStore(new SqliteConnection(file, fsync), policy, now);
    } catch (error) {
      file.close();
      throw error instanceof StoreError ? error : storeErrors.failed(file.path, error);
    }
  }

  private constructor(db: SqliteConnection, policy: StorePolicy, now: () => number) {
    this.name = db.path;
    this.#db = db;
    this.#policy = policy;
    this.#now = now;
    this.#timetable = new Timetable(db, this.#tally);
    this.identity = identify(db);
    setBack(db, policy, now());
    count(db, this.#tally, this.#held);
  }

  async publish(batch: readonly NewMessage[]): Promise<number[]> {
    const bytes = batch.reduce((sum, message) => sum + sizeOf(message), 0);
    this.#tally.assertRoom(this.#policy, batch.length, bytes);
    const now = this.#now();
    const ids = this.#db.transaction(() => {
      const ids = batch.map((message) => this.#insert(message, now));
      remember(this.#db, batch);
      return ids;
    });
    for (const message of batch) {
      const isDelayed = (message.delayMs ?? 0) > 0;
      this.#tally.add(message.queue, isDelayed ? 'delayed' : 'ready', 1, sizeOf(message));
      if (isDelayed) this.#timetable.addDue(now + (message.delayMs ?? 0));
      if (message.ttlMs !== undefined) this.#timetable.addExpiry(now + message.ttlMs);
    }
    this.#db.fsyncSoon();
    return ids;
  }

  async lastSeq(process: string): Promise<number | undefined> {
    return this.#db.try(() => lastSeq(this.#db, process));
  }

  async reserve(queues: readonly string[], consumer: string): Promise<Reserved | undefined> {
    return this.#db.try(() => {
      this.#timetable.sweep(this.#now());
      const row = queues
        .filter((queue) => !this.#tally.paused.has(queue))
        .map((queue) => this.#head(queue))
        .filter((head) => head !== undefined)
        .sort((a, b) => b.priority - a.priority || a.id - b.id)[0];
      if (!row) return undefined;
      this.#db.write("UPDATE messages SET state = 'reserved', consumer = ? WHERE id = ?", [
        consumer,
        row.id,
      ]);
      this.#held.set(row.id, { queue: row.queue, spent: row.spent, bytes: bytesOf(row) });
      this.#tally.move(row.queue, 'ready', 'reserved');
      return reservedOf(row);
    });
  }

  async settle(id: number, outcome: Outcome): Promise<'settled' | 'unknown'> {
    const held = this.#held.get(id);
    if (!held) return 'unknown';
    const { queue, bytes } = held;
    if (outcome.kind === 'done') {
      this.#db.write('DELETE FROM messages WHERE id = ?', [id]);
      this.#tally.add(queue, 'reserved', -1, -bytes);
    } else {
      const spent = held.spent + (outcome.kind === 'release' ? 0 : 1);
      const usedUp = outcome.kind !== 'release' && spent >= this.#policy.maxAttempts;
      const pause = outcome.kind === 'failed' && !usedUp;
      const state = outcome.kind === 'dead' || usedUp ? 'dead' : pause ? 'delayed' : 'ready';
      const dueAt = pause ? Math.ceil(this.#now() + backoff(this.#policy, spent)) : null;
      this.#db.write(
        'UPDATE messages SET state = ?, spent = ?, due_at = ?, consumer = NULL WHERE id = ?',
        [state, spent, dueAt, id],
      );
      this.#tally.move(queue, 'reserved', state);
      if (dueAt !== null) this.#timetable.addDue(dueAt);
      this.#timetable.addExpiry(Number.NEGATIVE_INFINITY); // it may have expired meanwhile
    }
    this.#held.delete(id);
    return 'settled';
  }

  async reservations(): Promise<Reservation[]> {
    return this.#db.try(() => {
      const sql = "SELECT * FROM messages WHERE state = 'reserved' ORDER BY id";
      const rows = this.#db.sql(sql).all() as Row[];
      return rows.map((row) => ({ ...reservedOf(row), consumer: row.consumer ?? '' }));
    });
  }

  async nextDue(): Promise<number | undefined> {
    return this.#timetable.nextDue();
  }

  async counts(): Promise<QueueCounts[]> {
    this.#db.try(() => this.#timetable.sweep(this.#now()));
    return this.#tally.counts();
  }

  async peek(queue: string, selection: Selection = {}): Promise<Stored[]> {
    return this.#db.try(() => {
      this.#timetable.sweep(this.#now());
      return peek(this.#db, queue, selection);
    });
  }

  async purge(queue: string, selection: Selection = {}): Promise<number> {
    return this.#change(() => purge(this.#db, queue, selection));
  }

  async kick(queue: string, selection: Selection = {}): Promise<number> {
    return this.#change(() => kick(this.#db, queue, selection));
  }

  async pause(queue: string, paused: boolean): Promise<void> {
    const sql = paused
      ? 'INSERT OR IGNORE INTO paused (queue) VALUES (?)'
      : 'DELETE FROM paused WHERE queue = ?';
    this.#db.transaction(() => this.#db.run(sql, [queue]));
    if (paused) this.#tally.paused.add(queue);
    else this.#tally.paused.delete(queue);
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  /** Changes by hand are rare: afterwards everything is counted again. */
  #change(work: () => number): number {
    const changes = this.#db.transaction(work);
    this.#db.try(() => count(this.#db, this.#tally, this.#held));
    return changes;
  }

  #insert(message: NewMessage, now: number): number {
    const { queue, body, priority, headers = [], delayMs = 0, ttlMs } = message;
    const { lastInsertRowid } = this.#db
      .sql(
        `INSERT INTO messages (queue, state, priority, body, headers, enqueued_at, due_at, expires_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run([
        queue,
        delayMs > 0 ? 'delayed' : 'ready',
        priority,
        Buffer.from(body),
        headers.length > 0 ? JSON.stringify(headers) : null,
        now,
        delayMs > 0 ? Math.ceil(now + delayMs) : null,
        ttlMs === undefined ? null : Math.ceil(now + ttlMs),
      ]);
    return Number(lastInsertRowid);
  }

  #head(queue: string): Row | undefined {
    const sql = `SELECT * FROM messages WHERE queue = ? AND state = 'ready'
      ORDER BY priority DESC, id LIMIT 1`;
    return this.#db.sql(sql).get([queue]) as Row | undefined;
  }
}
