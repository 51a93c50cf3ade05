import { randomUUID } from 'node:crypto';
import { closeSync, fdatasync, openSync } from 'node:fs';
import type { Statement } from 'libsql';
import { steadyMs } from '../clock.ts';
import { StoreError, storeErrors } from './errors.ts';
import type { Fsync } from './open-store.ts';
import { openSqliteFile, type SqliteFile } from './sqlite-file.ts';
import {
  backoff,
  DEFAULT_PEEK,
  type Headers,
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

/** Batches after which a process that has sent none is forgotten; bounds the table `producers`. */
const PRODUCERS_KEPT = 16_384;

interface Row {
  readonly id: number;
  readonly queue: string;
  readonly state: State;
  readonly priority: number;
  readonly body: Uint8Array | ArrayBuffer;
  readonly headers: string | null;
  readonly spent: number;
  readonly enqueued_at: number;
  readonly due_at: number | null;
  readonly consumer: string | null;
}

/** As one looks at it: the body is asked for apart. */
type BodilessRow = Omit<Row, 'body' | 'consumer'> & { readonly bytes: number };
const ALL_BUT_BODY =
  'id, queue, state, priority, headers, spent, enqueued_at, due_at, length(body) AS bytes';

interface Group {
  readonly queue: string;
  readonly state: State;
  readonly messages: number;
  readonly bytes: number;
}

/** What is known of a reserved message without asking the file. */
interface Held {
  readonly queue: string;
  readonly spent: number;
  readonly bytes: number;
}

/** Bytes that a row counts with, as sizeOf() has it. */
const BYTES = 'length(body) + ifnull(octet_length(headers), 0)';

/**
 * Keeps messages in an SQLite file, in its write-ahead log first (https://sqlite.org/wal.html). One
 * process at a time has it, so counts and what is held are known here, too.
 */
export class SqliteStore implements Store {
  readonly name: string;
  readonly identity: string;
  readonly #file: SqliteFile;
  readonly #policy: StorePolicy;
  readonly #fsync: Fsync;
  readonly #now: () => number;
  readonly #tally = new Tally();
  readonly #held = new Map<number, Held>();
  readonly #statements = new Map<string, Statement>();
  /** Of the write-ahead log, for fsync at intervals. */
  #walFd = -1;
  #fsyncTimer: NodeJS.Timeout | undefined;
  #synchronous = '';
  /** Bounds before which nothing gets due or expires; ms since the epoch. */
  #nextDue = Number.NEGATIVE_INFINITY;
  #nextExpiry = Number.NEGATIVE_INFINITY;

  /** @throws StoreError */
  static open(
    folder: string,
    policy: StorePolicy,
    fsync: Fsync,
    now: () => number = steadyMs,
  ): SqliteStore {
    const file = openSqliteFile(folder);
    try {
      return new SqliteStore(file, policy, fsync, now);
    } catch (error) {
      file.close();
      throw error instanceof StoreError ? error : storeErrors.failed(file.path, error);
    }
  }

  private constructor(file: SqliteFile, policy: StorePolicy, fsync: Fsync, now: () => number) {
    this.name = file.path;
    this.#file = file;
    this.#policy = policy;
    this.#fsync = fsync;
    this.#now = now;
    this.identity = this.#identify();
    this.#setBack();
    this.#count();
  }

  /**
   * No message is from the future, and no pause longer than the policy wants: the wall clock was set back
   * while no broker ran, and what waits would wait for so much longer.
   */
  #setBack(): void {
    const now = this.#now();
    this.#write(
      `UPDATE messages SET due_at = due_at - (enqueued_at - ?1), enqueued_at = ?1,
      expires_at = expires_at - (enqueued_at - ?1)
      WHERE enqueued_at > ?1 AND id IN (SELECT id FROM messages WHERE state = 'delayed'
        UNION SELECT id FROM messages WHERE expires_at IS NOT NULL)`,
      [now],
    );
    const waiting = "FROM messages WHERE state = 'delayed' AND spent > 0";
    for (const { spent } of this.#sql(`SELECT DISTINCT spent ${waiting}`).all() as Row[]) {
      const latest = Math.ceil(now + backoff(this.#policy, spent));
      this.#write(
        "UPDATE messages SET due_at = ?1 WHERE state = 'delayed' AND spent = ?2 AND due_at > ?1",
        [latest, spent],
      );
    }
  }

  #identify(): string {
    const get = () =>
      this.#sql('SELECT value FROM identity').get() as { value: string } | undefined;
    const known = get();
    if (known) return known.value;
    const identity = randomUUID();
    this.#write('INSERT INTO identity (value) VALUES (?)', [identity]);
    return identity;
  }

  async publish(batch: readonly NewMessage[]): Promise<number[]> {
    const bytes = batch.reduce((sum, message) => sum + sizeOf(message), 0);
    this.#tally.assertRoom(this.#policy, batch.length, bytes);
    const now = this.#now();
    const ids = this.#transaction(() => {
      const ids = batch.map((message) => this.#insert(message, now));
      const producers = new Map(batch.map(({ producer }) => [producer?.process, producer?.seq]));
      for (const [process, seq] of producers) {
        if (process !== undefined && seq !== undefined) this.#remember(process, seq);
      }
      return ids;
    });
    for (const message of batch) {
      const isDelayed = (message.delayMs ?? 0) > 0;
      this.#tally.add(message.queue, isDelayed ? 'delayed' : 'ready', 1, sizeOf(message));
      if (isDelayed) this.#nextDue = Math.min(this.#nextDue, now + (message.delayMs ?? 0));
      if (message.ttlMs !== undefined) {
        this.#nextExpiry = Math.min(this.#nextExpiry, now + message.ttlMs);
      }
    }
    this.#fsyncSoon();
    return ids;
  }

  async lastSeq(process: string): Promise<number | undefined> {
    return this.#try(() => {
      const row = this.#sql('SELECT seq FROM producers WHERE process = ?').get([process]);
      return (row as { seq: number } | undefined)?.seq;
    });
  }

  async reserve(queues: readonly string[], consumer: string): Promise<Reserved | undefined> {
    return this.#try(() => {
      this.#sweep();
      const row = queues
        .filter((queue) => !this.#tally.paused.has(queue))
        .map((queue) => this.#head(queue))
        .filter((head) => head !== undefined)
        .sort((a, b) => b.priority - a.priority || a.id - b.id)[0];
      if (!row) return undefined;
      this.#write("UPDATE messages SET state = 'reserved', consumer = ? WHERE id = ?", [
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
      this.#write('DELETE FROM messages WHERE id = ?', [id]);
      this.#tally.add(queue, 'reserved', -1, -bytes);
    } else {
      const spent = held.spent + (outcome.kind === 'release' ? 0 : 1);
      const usedUp = outcome.kind !== 'release' && spent >= this.#policy.maxAttempts;
      const pause = outcome.kind === 'failed' && !usedUp;
      const state = outcome.kind === 'dead' || usedUp ? 'dead' : pause ? 'delayed' : 'ready';
      const dueAt = pause ? Math.ceil(this.#now() + backoff(this.#policy, spent)) : null;
      this.#write(
        'UPDATE messages SET state = ?, spent = ?, due_at = ?, consumer = NULL WHERE id = ?',
        [state, spent, dueAt, id],
      );
      this.#tally.move(queue, 'reserved', state);
      if (dueAt !== null) this.#nextDue = Math.min(this.#nextDue, dueAt);
      this.#nextExpiry = Number.NEGATIVE_INFINITY; // it may have expired meanwhile
    }
    this.#held.delete(id);
    return 'settled';
  }

  async reservations(): Promise<Reservation[]> {
    return this.#try(() =>
      this.#rows("SELECT * FROM messages WHERE state = 'reserved' ORDER BY id").map((row) => ({
        ...reservedOf(row),
        consumer: row.consumer ?? '',
      })),
    );
  }

  async nextDue(): Promise<number | undefined> {
    if (this.#nextDue === Number.NEGATIVE_INFINITY) this.#try(() => this.#findNextDue());
    return this.#nextDue === Number.POSITIVE_INFINITY ? undefined : this.#nextDue;
  }

  async counts(): Promise<QueueCounts[]> {
    this.#try(() => this.#sweep());
    return this.#tally.counts();
  }

  async peek(queue: string, selection: Selection = {}): Promise<Stored[]> {
    return this.#try(() => {
      this.#sweep();
      let { limit = DEFAULT_PEEK, maxBytes = Number.POSITIVE_INFINITY } = selection;
      const found: Stored[] = [];
      // One state at a time: each has its index.
      for (const state of selection.state ? [selection.state] : STATES) {
        const { where, parameters } = condition(queue, { ...selection, state });
        // Without the bodies, which the driver would read a hundred at once.
        const sql = `SELECT ${ALL_BUT_BODY} FROM messages WHERE ${where} ORDER BY priority DESC, id LIMIT ?`;
        const rows = this.#sql(sql).all([...parameters, limit]) as BodilessRow[];
        for (const row of rows) {
          if (maxBytes < 0) return found;
          const body = this.#body(row.id, selection.maxBody);
          maxBytes -= body.length;
          found.push(storedOf(row, body));
        }
        limit -= rows.length;
      }
      return found;
    });
  }

  async purge(queue: string, selection: Selection = {}): Promise<number> {
    const { where, parameters } = condition(queue, selection);
    return this.#change(
      `DELETE FROM messages WHERE id IN (SELECT id FROM messages
      WHERE ${where} AND state <> 'reserved' ORDER BY priority DESC, id LIMIT ?)`,
      [...parameters, selection.limit ?? -1],
    );
  }

  async kick(queue: string, selection: Selection = {}): Promise<number> {
    const { where, parameters } = condition(queue, { ...selection, state: 'dead' });
    return this.#change(
      `UPDATE messages SET state = 'ready', spent = 0 WHERE id IN (SELECT id FROM messages
      WHERE ${where} ORDER BY id LIMIT ?)`,
      [...parameters, selection.limit ?? -1],
    );
  }

  async pause(queue: string, paused: boolean): Promise<void> {
    const sql = paused
      ? 'INSERT OR IGNORE INTO paused (queue) VALUES (?)'
      : 'DELETE FROM paused WHERE queue = ?';
    this.#transaction(() => this.#run(sql, [queue]));
    if (paused) this.#tally.paused.add(queue);
    else this.#tally.paused.delete(queue);
  }

  async close(): Promise<void> {
    clearTimeout(this.#fsyncTimer);
    if (this.#walFd >= 0) closeSync(this.#walFd);
    this.#statements.clear();
    this.#file.close();
  }

  /** Changes by hand are rare: afterwards everything is counted again. */
  #change(sql: string, parameters: readonly unknown[]): number {
    const changes = this.#transaction(() => this.#run(sql, parameters));
    this.#try(() => this.#count());
    return changes;
  }

  #count(): void {
    this.#tally.clear();
    this.#held.clear();
    for (const { queue, state, messages, bytes } of this.#groups('true', [])) {
      this.#tally.add(queue, state, messages, bytes);
    }
    const held = this.#sql(
      `SELECT id, queue, spent, ${BYTES} AS bytes FROM messages WHERE state = 'reserved'`,
    ).all() as (Held & { id: number })[];
    for (const { id, queue, spent, bytes } of held) this.#held.set(id, { queue, spent, bytes });
    const paused = this.#sql('SELECT queue FROM paused').all() as { queue: string }[];
    for (const { queue } of paused) this.#tally.paused.add(queue);
  }

  #insert(message: NewMessage, now: number): number {
    const { queue, body, priority, headers = [], delayMs = 0, ttlMs } = message;
    const { lastInsertRowid } = this.#sql(
      `INSERT INTO messages (queue, state, priority, body, headers, enqueued_at, due_at, expires_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run([
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

  #remember(process: string, seq: number): void {
    const { lastInsertRowid } = this.#sql(
      'REPLACE INTO producers (process, seq) VALUES (?, ?)',
    ).run([process, seq]);
    this.#run('DELETE FROM producers WHERE recency <= ?', [
      Number(lastInsertRowid) - PRODUCERS_KEPT,
    ]);
  }

  #head(queue: string): Row | undefined {
    return this.#sql(
      `SELECT * FROM messages WHERE queue = ? AND state = 'ready'
      ORDER BY priority DESC, id LIMIT 1`,
    ).get([queue]) as Row | undefined;
  }

  #body(id: number, maxBytes: number | undefined): Uint8Array {
    const sql =
      'SELECT substr(body, 1, ifnull(?, length(body))) AS body FROM messages WHERE id = ?';
    const row = this.#sql(sql).get([maxBytes ?? null, id]) as Pick<Row, 'body'> | undefined;
    return asBytes(row?.body ?? new Uint8Array());
  }

  /** What is due becomes ready, what has expired goes. Asks the file only when there may be some. */
  #sweep(): void {
    const now = this.#now();
    if (now >= this.#nextExpiry) {
      this.#drop(now);
      this.#nextExpiry = this.#min(
        `SELECT min(expires_at) AS at FROM messages WHERE expires_at IS NOT NULL
        AND state IN ('ready', 'delayed')`,
      );
    }
    if (now >= this.#nextDue) {
      const where = "state = 'delayed' AND due_at <= ?";
      const due = this.#groups(where, [now]);
      if (due.length > 0) {
        this.#write(`UPDATE messages SET state = 'ready', due_at = NULL WHERE ${where}`, [now]);
      }
      for (const { queue, messages } of due) this.#tally.move(queue, 'delayed', 'ready', messages);
      this.#findNextDue();
    }
  }

  #drop(now: number): void {
    const where = "expires_at <= ? AND state IN ('ready', 'delayed')";
    const expired = this.#groups(where, [now]);
    if (expired.length === 0) return;
    this.#write(`DELETE FROM messages WHERE ${where}`, [now]);
    for (const { queue, state, messages, bytes } of expired) {
      this.#tally.add(queue, state, -messages, -bytes);
    }
  }

  #groups(where: string, parameters: readonly unknown[]): Group[] {
    return this.#sql(
      `SELECT queue, state, count(*) AS messages, sum(${BYTES}) AS bytes
      FROM messages WHERE ${where} GROUP BY queue, state`,
    ).all([...parameters]) as Group[];
  }

  #findNextDue(): void {
    this.#nextDue = this.#min("SELECT min(due_at) AS at FROM messages WHERE state = 'delayed'");
  }

  #min(sql: string): number {
    const { at } = this.#sql(sql).get() as { at: number | null };
    return at ?? Number.POSITIVE_INFINITY;
  }

  /**
   * One statement, not flushed to the disk: a reservation or a settlement that an OS crash undoes only
   * causes another delivery.
   */
  #write(sql: string, parameters: readonly unknown[]): void {
    this.#try(() => {
      this.#flush('NORMAL');
      this.#run(sql, parameters);
    });
  }

  #flush(synchronous: 'FULL' | 'NORMAL'): void {
    if (synchronous === this.#synchronous) return;
    this.#file.db.exec(`PRAGMA synchronous = ${synchronous}`);
    this.#synchronous = synchronous;
  }

  /** All of it or nothing, and on the disk afterwards: a message must be before it is confirmed. */
  #transaction<T>(work: () => T): T {
    const { db } = this.#file;
    return this.#try(() => {
      this.#flush(this.#fsync === 'always' ? 'FULL' : 'NORMAL');
      db.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        if (db.inTransaction) db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  #fsyncSoon(): void {
    const interval = this.#fsync;
    if (typeof interval !== 'number' || this.#fsyncTimer) return;
    this.#fsyncTimer = setTimeout(() => {
      this.#fsyncTimer = undefined;
      if (this.#walFd < 0) this.#walFd = openSync(`${this.#file.path}-wal`, 'r');
      fdatasync(this.#walFd, () => {});
    }, interval);
    this.#fsyncTimer.unref();
  }

  #try<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof StoreError) throw error;
      const isSqlite = String((error as { code?: unknown }).code).startsWith('SQLITE_');
      throw isSqlite ? storeErrors.failed(this.#file.path, error) : error;
    }
  }

  #rows(sql: string, parameters: readonly unknown[] = []): Row[] {
    return this.#sql(sql).all([...parameters]) as Row[];
  }

  /** @returns the number of changed rows */
  #run(sql: string, parameters: readonly unknown[]): number {
    return this.#sql(sql).run([...parameters]).changes;
  }

  #sql(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#file.db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** As counted when it was published. */
function bytesOf({ body, headers }: Row): number {
  return sizeOf({ body: asBytes(body), headers: headersOf(headers) });
}

function asBytes(body: Row['body']): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array(body);
}

/** What cannot be understood any more (a damaged file) is left out; the message itself may be whole. */
function headersOf(json: string | null): Headers {
  if (json === null) return [];
  try {
    const headers: unknown = JSON.parse(json);
    return Array.isArray(headers) ? headers.filter(isHeader) : [];
  } catch {
    return [];
  }
}

function isHeader(header: unknown): header is Headers[number] {
  if (!Array.isArray(header) || header.length !== 2) return false;
  const [name, value] = header as unknown[];
  return typeof name === 'string' && typeof value === 'string' && !name.includes('\0');
}

/** States are ours, not a user's: written out, so that SQLite finds the index of that state. */
function condition(queue: string, { state, id }: Selection) {
  const where = [
    'queue = ?',
    ...(state === undefined ? [] : [`state = '${state}'`]),
    ...(id === undefined ? [] : ['id = ?']),
  ];
  return { where: where.join(' AND '), parameters: id === undefined ? [queue] : [queue, id] };
}

function storedOf(row: BodilessRow, body: Uint8Array): Stored {
  const { state, priority, bytes, due_at: dueAt } = row;
  const due = state === 'delayed' && dueAt !== null ? { dueAt } : {};
  return { ...reservedOf({ ...row, body }), bytes, state, priority, ...due };
}

function reservedOf(row: Omit<Row, 'consumer'>): Reserved {
  const { id, queue, body, headers, spent, enqueued_at: enqueuedAt } = row;
  return {
    id,
    queue,
    body: asBytes(body),
    headers: headersOf(headers),
    attempt: spent + 1,
    enqueuedAt,
  };
}
