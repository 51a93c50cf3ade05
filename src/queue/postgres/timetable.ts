import { Swept } from '../swept.ts';
import type { Statement } from './connection.ts';
import type { CommonParts } from './parts.ts';
import { COUNT_REMOVED, DUE_FIRST, NOW, STEP_ROWS } from './sql.ts';

/**
 * When the next message falls due or expires, and when the lease of another broker may be over, so that the server is
 * asked only then. Every broker does it for all; who comes second finds nothing.
 */
export class Timetable {
  readonly #parts: CommonParts;
  readonly swept = new Swept();
  /** Nothing is to be done before, by the server's clock; ms since the epoch. */
  #next = Number.NEGATIVE_INFINITY;
  #nextLease = Number.NEGATIVE_INFINITY;
  #sweeping: Promise<void> | undefined;

  constructor(parts: CommonParts) {
    this.#parts = parts;
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
    if (this.swept.becameReady) return Number.NEGATIVE_INFINITY;
    if (this.#next === Number.NEGATIVE_INFINITY) await this.#lookAhead();
    if (this.#nextLease === Number.NEGATIVE_INFINITY) await this.#lookAtLeases();
    const next = Math.min(this.#next, this.#nextLease);
    return next === Number.POSITIVE_INFINITY ? undefined : this.#parts.clock.toHost(next);
  }

  /** Makes due messages ready and removes expired ones; a part of them, if there are many. */
  async sweep(): Promise<void> {
    const now = this.#parts.clock.now();
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
    const { engine, members, policy } = this.#parts;
    const rows = policy.deadExpired
      ? await engine.fast<{ queue: string }>(BURY, [now])
      : await engine.fast<{ queue: string }>(EXPIRE, [members.id, now]);
    for (const { queue } of rows) this.swept.expired(queue);
  }

  /** In the order in which they fell due. */
  async #makeReady(now: number): Promise<void> {
    const { engine, position } = this.#parts;
    this.#onReady(await engine.fast<{ queue: string }>(MAKE_READY, [now, position(STEP_ROWS)]));
  }

  /** What a broker held that has not renewed its lease. */
  async #takeOver(): Promise<void> {
    const { engine, members, policy } = this.#parts;
    const values = [members.id, policy.maxAttempts, members.leaseMs];
    this.#onReady(await engine.fast<{ queue: string }>(TAKE_OVER, values));
  }

  #onReady(rows: readonly { readonly queue: string }[]): void {
    if (rows.length === 0) return;
    const queues = [...new Set(rows.map(({ queue }) => queue))];
    this.swept.ready();
    this.#parts.ready.add(queues);
    this.#parts.engine.tell({ queues });
  }

  async #lookAhead(): Promise<void> {
    const [row] = await this.#parts.engine.fast<{ at: number | null }>(NEXT, []);
    this.#next = Math.min(finite(this.#next), row?.at ?? Number.POSITIVE_INFINITY);
  }

  async #lookAtLeases(): Promise<void> {
    const { engine, members } = this.#parts;
    const [row] = await engine.fast<{ at: number | null }>(NEXT_LEASE, [
      members.id,
      members.leaseMs,
    ]);
    this.#nextLease = Math.min(finite(this.#nextLease), row?.at ?? Number.POSITIVE_INFINITY);
  }
}

/** With them the others do their work. */
export interface Parts extends CommonParts {
  readonly timetable: Timetable;
}

/** What was not known is now. */
function finite(at: number): number {
  return at === Number.NEGATIVE_INFINITY ? Number.POSITIVE_INFINITY : at;
}

/** Nobody could renew a lease while the server was down: after a start, each is good for as long again. */
const LEASE_END = `greatest(lease_until, CASE WHEN lease_until IS NOT NULL
    THEN (extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint + $3::bigint END)`;

const BURY: Statement = {
  name: 'bury',
  text: `WITH batch AS (SELECT id FROM messages WHERE expires_at <= $1 AND expires_at IS NOT NULL
      AND state IN ('ready', 'delayed') LIMIT ${STEP_ROWS} FOR UPDATE SKIP LOCKED)
    UPDATE messages SET state = 'dead', expires_at = NULL FROM batch WHERE messages.id = batch.id RETURNING queue`,
};
const EXPIRE: Statement = {
  name: 'expire',
  text: `WITH batch AS (SELECT id FROM messages WHERE expires_at <= $2 AND expires_at IS NOT NULL
      AND state IN ('ready', 'delayed') LIMIT ${STEP_ROWS} FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM messages USING batch WHERE messages.id = batch.id RETURNING queue, bytes),
    counted AS (${COUNT_REMOVED})
    SELECT queue FROM gone`,
};
const MAKE_READY: Statement = {
  name: 'make-ready',
  text: `WITH batch AS (SELECT id, due_at, position FROM messages WHERE state = 'delayed' AND due_at <= $1
      ORDER BY ${DUE_FIRST} LIMIT ${STEP_ROWS} FOR UPDATE SKIP LOCKED),
    due AS (SELECT id, row_number() OVER (ORDER BY ${DUE_FIRST}) AS n FROM batch)
    UPDATE messages SET state = 'ready', due_at = NULL, position = $2 + due.n FROM due
    WHERE messages.id = due.id RETURNING queue`,
};
const TAKE_OVER: Statement = {
  name: 'take-over',
  text: `WITH over AS (SELECT id FROM brokers WHERE id <> $1 AND ${LEASE_END} <= ${NOW} FOR UPDATE SKIP LOCKED),
    without AS (SELECT id FROM over UNION ALL SELECT id FROM brokers WHERE id <> $1 AND lease_until IS NULL),
    held AS (SELECT messages.id FROM messages, without WHERE messages.broker = without.id
      AND messages.state = 'reserved' FOR UPDATE OF messages SKIP LOCKED),
    free AS (UPDATE brokers SET lease_until = NULL FROM over WHERE brokers.id = over.id)
    UPDATE messages SET state = CASE WHEN spent + 1 >= $2 THEN 'dead' ELSE 'ready' END, spent = spent + 1,
      attempts = attempts + 1, deliveries = deliveries + 1, expires_at = NULL, broker = NULL, consumer = NULL
    FROM held WHERE messages.id = held.id RETURNING queue`,
};
const NEXT: Statement = {
  name: 'next',
  text: `SELECT least(
    (SELECT due_at FROM messages WHERE state = 'delayed' ORDER BY ${DUE_FIRST} LIMIT 1),
    (SELECT expires_at FROM messages WHERE expires_at IS NOT NULL AND state IN ('ready', 'delayed')
      ORDER BY expires_at LIMIT 1)) AS at`,
};
const NEXT_LEASE: Statement = {
  name: 'next-lease',
  text: `SELECT min(${LEASE_END.replace('$3', '$2')}) AS at FROM brokers WHERE id <> $1`,
};
