import type { Statement } from './connection.ts';
import type { PostgresEngine } from './engine.ts';
import type { Membership } from './membership.ts';
import type { Ready } from './ready.ts';
import { NOW, type ServerClock } from './server-clock.ts';

/** Rows that one statement changes. */
const STEP_ROWS = 1000;

export interface TimetableOptions {
  readonly engine: PostgresEngine;
  readonly clock: ServerClock;
  readonly ready: Ready;
  readonly members: Membership;
  readonly maxAttempts: number;
  /** Expired messages are kept. */
  readonly deadExpired: boolean;
  /** The position for a message that becomes ready now; takes the `count` positions after it as well. */
  position(count: number): number;
}

/**
 * When the next message falls due or expires, and when the lease of another broker may be over, so that the server is
 * asked only then. Every broker does it for all; who comes second finds nothing.
 */
export class Timetable {
  readonly #options: TimetableOptions;
  /** By queue, since it was last asked for. */
  #expired = new Map<string, number>();
  /** Nothing is to be done before, by the server's clock; ms since the epoch. */
  #next = Number.NEGATIVE_INFINITY;
  #nextLease = Number.NEGATIVE_INFINITY;
  /** Something became ready, whichever operation found it due. */
  #becameReady = false;
  #sweeping: Promise<void> | undefined;

  constructor(options: TimetableOptions) {
    this.#options = options;
  }

  /** A message falls due or expires then, or may. */
  add(at: number): void {
    this.#next = Math.min(this.#next, at);
  }

  /** Another broker's lease may be over then. */
  addLease(at: number): void {
    this.#nextLease = Math.min(this.#nextLease, at);
  }

  /** Nothing is known any more. */
  forget(): void {
    this.#next = Number.NEGATIVE_INFINITY;
    this.#nextLease = Number.NEGATIVE_INFINITY;
  }

  async next(): Promise<number | undefined> {
    if (this.#becameReady) return Number.NEGATIVE_INFINITY;
    if (this.#next === Number.NEGATIVE_INFINITY) await this.#lookAhead();
    if (this.#nextLease === Number.NEGATIVE_INFINITY) await this.#lookAtLeases();
    const next = Math.min(this.#next, this.#nextLease);
    return next === Number.POSITIVE_INFINITY ? undefined : this.#options.clock.toHost(next);
  }

  takeExpired(): ReadonlyMap<string, number> {
    const expired = this.#expired;
    this.#expired = new Map();
    return expired;
  }

  /** Whether something became ready since the last call. */
  takeReady(): boolean {
    const became = this.#becameReady;
    this.#becameReady = false;
    return became;
  }

  /** Makes due messages ready and removes expired ones; a part of them, if there are many. */
  async sweep(): Promise<void> {
    const now = this.#options.clock.now();
    if (now < this.#next && now < this.#nextLease) return;
    this.#sweeping ??= this.#sweep(now).finally(() => {
      this.#sweeping = undefined;
    });
    await this.#sweeping;
  }

  async #sweep(now: number): Promise<void> {
    if (now >= this.#next) {
      this.#next = Number.POSITIVE_INFINITY; // what is added meanwhile counts
      try {
        await this.#expire(now);
        await this.#makeReady(now);
      } finally {
        await this.#lookAhead();
      }
    }
    if (now < this.#nextLease) return;
    this.#nextLease = Number.POSITIVE_INFINITY;
    try {
      await this.#takeOver();
    } finally {
      await this.#lookAtLeases();
    }
  }

  async #expire(now: number): Promise<void> {
    const { engine, members, deadExpired } = this.#options;
    const rows = deadExpired
      ? await engine.fast<{ queue: string }>(BURY, [now])
      : await engine.fast<{ queue: string }>(EXPIRE, [now, members.id]);
    for (const { queue } of rows) this.#expired.set(queue, (this.#expired.get(queue) ?? 0) + 1);
  }

  /** In the order in which they fell due. */
  async #makeReady(now: number): Promise<void> {
    const { engine, position } = this.#options;
    this.#onReady(await engine.fast<{ queue: string }>(MAKE_READY, [now, position(STEP_ROWS)]));
  }

  /** What a broker held that has not renewed its lease. */
  async #takeOver(): Promise<void> {
    const { engine, members, maxAttempts } = this.#options;
    this.#onReady(await engine.fast<{ queue: string }>(TAKE_OVER, [members.id, maxAttempts]));
  }

  #onReady(rows: readonly { readonly queue: string }[]): void {
    if (rows.length === 0) return;
    const queues = [...new Set(rows.map(({ queue }) => queue))];
    this.#becameReady = true;
    this.#options.ready.add(queues);
    this.#options.engine.tell({ queues });
  }

  async #lookAhead(): Promise<void> {
    const [row] = await this.#options.engine.fast<{ at: number | null }>(NEXT, []);
    this.#next = Math.min(finite(this.#next), row?.at ?? Number.POSITIVE_INFINITY);
  }

  async #lookAtLeases(): Promise<void> {
    const { engine, members } = this.#options;
    const [row] = await engine.fast<{ at: number | null }>(NEXT_LEASE, [members.id]);
    this.#nextLease = Math.min(finite(this.#nextLease), row?.at ?? Number.POSITIVE_INFINITY);
  }
}

/** What was not known is now. */
function finite(at: number): number {
  return at === Number.NEGATIVE_INFINITY ? Number.POSITIVE_INFINITY : at;
}

const BURY: Statement = {
  name: 'bury',
  text: `WITH batch AS (SELECT id FROM messages WHERE expires_at <= $1 AND expires_at IS NOT NULL
      AND state IN ('ready', 'delayed') LIMIT ${STEP_ROWS} FOR UPDATE SKIP LOCKED)
    UPDATE messages SET state = 'dead', expires_at = NULL FROM batch WHERE messages.id = batch.id RETURNING queue`,
};
const EXPIRE: Statement = {
  name: 'expire',
  text: `WITH batch AS (SELECT id FROM messages WHERE expires_at <= $1 AND expires_at IS NOT NULL
      AND state IN ('ready', 'delayed') LIMIT ${STEP_ROWS} FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM messages USING batch WHERE messages.id = batch.id RETURNING queue, bytes),
    counted AS (INSERT INTO removed (broker, messages, bytes) SELECT $2::uuid, count(*), sum(bytes) FROM gone
      HAVING count(*) > 0 ON CONFLICT (broker) DO UPDATE
      SET messages = removed.messages + excluded.messages, bytes = removed.bytes + excluded.bytes)
    SELECT queue FROM gone`,
};
const MAKE_READY: Statement = {
  name: 'make-ready',
  text: `WITH batch AS (SELECT id, due_at, position FROM messages WHERE state = 'delayed' AND due_at <= $1
      ORDER BY due_at, position, id LIMIT ${STEP_ROWS} FOR UPDATE SKIP LOCKED),
    due AS (SELECT id, row_number() OVER (ORDER BY due_at, position, id) AS n FROM batch)
    UPDATE messages SET state = 'ready', due_at = NULL, position = $2 + due.n FROM due
    WHERE messages.id = due.id RETURNING queue`,
};
const TAKE_OVER: Statement = {
  name: 'take-over',
  text: `WITH over AS (SELECT id FROM brokers WHERE id <> $1 AND lease_until <= ${NOW} FOR UPDATE SKIP LOCKED),
    held AS (SELECT messages.id FROM messages, over WHERE messages.broker = over.id
      AND messages.state = 'reserved' FOR UPDATE OF messages SKIP LOCKED),
    free AS (UPDATE brokers SET lease_until = NULL FROM over WHERE brokers.id = over.id)
    UPDATE messages SET state = CASE WHEN spent + 1 >= $2 THEN 'dead' ELSE 'ready' END, spent = spent + 1,
      attempts = attempts + 1, deliveries = deliveries + 1, expires_at = NULL, broker = NULL, consumer = NULL
    FROM held WHERE messages.id = held.id RETURNING queue`,
};
const NEXT: Statement = {
  name: 'next',
  text: `SELECT least(
    (SELECT due_at FROM messages WHERE state = 'delayed' ORDER BY due_at, position, id LIMIT 1),
    (SELECT expires_at FROM messages WHERE expires_at IS NOT NULL AND state IN ('ready', 'delayed')
      ORDER BY expires_at LIMIT 1)) AS at`,
};
const NEXT_LEASE: Statement = {
  name: 'next-lease',
  text: 'SELECT min(lease_until) AS at FROM brokers WHERE id <> $1',
};
