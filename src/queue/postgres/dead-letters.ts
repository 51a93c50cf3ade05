import { deadLetterHeaders } from '../dead-letter.ts';
import { failuresOf } from '../failure.ts';
import type { Dropped } from '../store.ts';
import type { Swept } from '../swept.ts';
import type { Statement } from './connection.ts';
import type { CommonParts } from './parts.ts';
import { headersOf } from './rows.ts';
import { COUNT_REMOVED, STEP_ROWS } from './sql.ts';

/** How many dead messages there are is counted no more often, and only after some have died here; ms. */
const COUNT_MS = 10_000;

/** Dead messages: those that go on to another queue, are too old, or too many. */
export class DeadLetters {
  readonly #parts: CommonParts;
  readonly #swept: Swept;
  /** When to count them, by the server's clock; ms since the epoch. */
  #countAt = Number.NEGATIVE_INFINITY;
  #countedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: CommonParts, swept: Swept) {
    this.#parts = parts;
    this.#swept = swept;
  }

  /** A message of this queue is dead since then. @returns when {@link sweep} may have something to do; ms since the epoch */
  died(queue: string, at: number): number {
    const { policy, settings } = this.#parts;
    this.#countAt = Math.min(this.#countAt, Math.max(at, this.#countedAt + COUNT_MS));
    const age = settings.queues.of(queue).deadAgeMs ?? policy.deadAgeMs;
    return Math.min(this.#countAt, at + age);
  }

  /** When {@link sweep} has something to do; ms since the epoch. */
  async next(): Promise<number> {
    const { engine } = this.#parts;
    const [row] = await engine.fast<{ at: number | null }>(NEXT, await this.#ages());
    return Math.min(row?.at ?? Number.POSITIVE_INFINITY, this.#countAt);
  }

  /** Some of them, if there are many. @returns the queues in which something became ready */
  async sweep(now: number): Promise<{ readonly queue: string }[]> {
    const moved = await this.#move();
    await this.#dropOld(now);
    if (now >= this.#countAt) await this.#dropSurplus(now);
    return moved;
  }

  /** Those that died when nobody knew their headers go on now. @returns their queues */
  async #move(): Promise<{ readonly queue: string }[]> {
    const { engine, position } = this.#parts;
    const rows = await engine.fast<{
      id: number;
      headers: string | null;
      failure: unknown;
      to: string;
    }>(MOVING, []);
    if (rows.length === 0) return [];
    const headers = rows.map(({ headers, failure }) => {
      const [last] = failuresOf([failure]);
      return last ? JSON.stringify(deadLetterHeaders(headersOf(headers), last)) : headers;
    });
    const ids = rows.map(({ id }) => id);
    const to = rows.map((row) => row.to);
    return engine.fast<{ queue: string }>(MOVE, [ids, to, headers, position(rows.length)]);
  }

  async #dropOld(now: number): Promise<void> {
    const { engine, members } = this.#parts;
    const values = [members.id, Math.floor(now), ...(await this.#ages())];
    this.#onDropped(await engine.fast<{ queue: string }>(DROP_OLD, values), 'age');
  }

  async #dropSurplus(now: number): Promise<void> {
    const { engine, members, policy } = this.#parts;
    this.#countedAt = now;
    this.#countAt = Number.POSITIVE_INFINITY;
    const values = [members.id, policy.maxDead, policy.maxDeadBytes];
    const rows = await engine.fast<{ queue: string }>(DROP_SURPLUS, values);
    this.#onDropped(rows, 'limit');
    if (rows.length === STEP_ROWS) this.#countAt = now; // there are more
  }

  #onDropped(rows: readonly { readonly queue: string }[], why: Dropped['why']): void {
    this.#swept.dropped(
      rows.map(({ queue }) => queue),
      why,
    );
  }

  /** Of all queues, and of those that have their own; null: none. */
  async #ages(): Promise<unknown[]> {
    const { policy, settings } = this.#parts;
    const { deadAgeMs } = policy;
    const own = [...(await settings.known()).all].filter(([, one]) => one.deadAgeMs !== undefined);
    return [
      Number.isFinite(deadAgeMs) ? Math.ceil(deadAgeMs) : null,
      own.map(([queue]) => queue),
      own.map(([, one]) => Math.ceil(one.deadAgeMs as number)),
    ];
  }
}

/** Of the queues that have an age of their own, and of their groups. */
const own = (queues: string, ages: string) => `(SELECT place AS queue, age
      FROM unnest(${queues}::text[], ${ages}::bigint[]) AS given (queue, age)
      CROSS JOIN LATERAL (SELECT given.queue AS place
        UNION ALL SELECT name FROM queue_groups WHERE queue_groups.queue = given.queue) AS places)`;
/** Whether it is in none of those. */
const hasNone = (queues: string) => `NOT (split_part(queue, '@', 1) = ANY(${queues}::text[]))`;

const MOVING: Statement = {
  name: 'moving',
  text: `SELECT id, headers, failures -> -1 AS failure, dead_to AS to FROM messages
    WHERE state = 'dead' AND dead_to IS NOT NULL AND dead_to <> split_part(queue, '@', 1) ORDER BY id LIMIT ${STEP_ROWS}`,
};
const MOVE: Statement = {
  name: 'move',
  text: `UPDATE messages SET queue = wanted.dead_to, state = 'ready', position = $4::bigint + n, headers = wanted.headers,
      spent = 0, releases = 0, died_at = NULL, expires_at = NULL, due_at = NULL, incarnation = NULL, key = NULL,
      key_ttl = NULL, max_attempts = NULL, backoff = NULL, dead_to = NULL, asker = NULL
    FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (id, dead_to, headers, n)
    WHERE messages.id = wanted.id AND messages.state = 'dead' AND messages.dead_to = wanted.dead_to
    RETURNING messages.queue`,
};
/** Those with an age of their own are not among those for which one holds for all. */
const NEXT: Statement = {
  name: 'next-dead',
  text: `SELECT least(
    (SELECT 0 FROM messages WHERE state = 'dead' AND dead_to IS NOT NULL AND dead_to <> split_part(queue, '@', 1) LIMIT 1),
    (SELECT died_at + $1::bigint FROM messages WHERE state = 'dead' AND $1 IS NOT NULL AND died_at IS NOT NULL
      AND ${hasNone('$2')} ORDER BY died_at LIMIT 1),
    (SELECT min(first.died_at + own.age) FROM ${own('$2', '$3')} AS own
      CROSS JOIN LATERAL (SELECT died_at FROM messages WHERE state = 'dead' AND messages.queue = own.queue
        AND died_at IS NOT NULL ORDER BY died_at LIMIT 1) AS first)) AS at`,
};
const DROP_OLD: Statement = {
  name: 'drop-old',
  text: `WITH old AS ((SELECT id FROM messages WHERE state = 'dead' AND $3::bigint IS NOT NULL AND died_at <= $2 - $3
        AND ${hasNone('$4')} ORDER BY died_at LIMIT ${STEP_ROWS})
      UNION ALL (SELECT one.id FROM ${own('$4', '$5')} AS own
        CROSS JOIN LATERAL (SELECT id FROM messages WHERE state = 'dead' AND messages.queue = own.queue
          AND died_at <= $2 - own.age ORDER BY died_at LIMIT ${STEP_ROWS}) AS one LIMIT ${STEP_ROWS})),
    batch AS (SELECT messages.id FROM messages JOIN old USING (id) WHERE state = 'dead' FOR UPDATE OF messages SKIP LOCKED),
    gone AS (DELETE FROM messages USING batch WHERE messages.id = batch.id RETURNING queue, bytes),
    counted AS (${COUNT_REMOVED})
    SELECT queue FROM gone`,
};
/**
 * The oldest, as long as there are more, or more bytes, than there may be. Who comes second counts what is left, or
 * finds the same ones locked.
 */
const DROP_SURPLUS: Statement = {
  name: 'drop-surplus',
  text: `WITH held AS (SELECT count(*) AS messages, sum(bytes) AS bytes FROM messages WHERE state = 'dead'),
    oldest AS (SELECT id, row_number() OVER (ORDER BY died_at NULLS FIRST, id) AS n,
        sum(bytes) OVER (ORDER BY died_at NULLS FIRST, id) - bytes AS before
      FROM (SELECT id, died_at, bytes FROM messages WHERE state = 'dead' ORDER BY died_at NULLS FIRST
        LIMIT ${STEP_ROWS}) AS few),
    batch AS (SELECT messages.id FROM held, messages JOIN oldest USING (id) WHERE state = 'dead'
      AND (n <= held.messages - $2::bigint OR before < held.bytes - $3::bigint) FOR UPDATE OF messages SKIP LOCKED),
    gone AS (DELETE FROM messages USING batch WHERE messages.id = batch.id RETURNING queue, bytes),
    counted AS (${COUNT_REMOVED})
    SELECT queue FROM gone`,
};
