import type { BodyPart, ById, Changed, Edit, Stored } from '../inspection.ts';
import type { MessageState } from '../message.ts';
import type { Statement } from './connection.ts';
import { ALL_FAILURES, COLUMNS, type SizedRow, storedOf } from './rows.ts';
import { COUNT_REMOVED } from './sql.ts';
import type { Parts } from './timetable.ts';

interface Now {
  readonly id: number;
  readonly state: MessageState;
  readonly expires_at: number | null;
  readonly key: string | null;
}

/** Single messages in the database. */
export class PostgresById implements ById {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async find(id: number, { fromByte = 0, maxBody }: BodyPart = {}): Promise<Stored | undefined> {
    const { engine, timetable, clock } = this.#parts;
    await timetable.sweep();
    const [row] = await engine.fast<SizedRow>(FIND, [id, fromByte + 1, maxBody ?? null]);
    return row && storedOf(row, (at) => clock.toHost(at));
  }

  async remove(ids: readonly number[]): Promise<Changed[]> {
    const { engine, members, timetable } = this.#parts;
    await timetable.sweep();
    const gone = await engine.durable<{ id: number }>(REMOVE, [members.id, ids]);
    return this.#results(ids, gone, () => 'held');
  }

  async edit(ids: readonly number[], { queue, priority, delayMs }: Edit): Promise<Changed[]> {
    const { engine, timetable, clock, ready, position } = this.#parts;
    await timetable.sweep();
    const dueAt = delayMs ? Math.ceil(clock.now() + delayMs) : null;
    const isDelayed = delayMs === undefined ? null : delayMs > 0;
    const rows = await engine.durable<{ id: number; queue: string; state: MessageState }>(EDIT, [
      ...[ids, queue ?? null, priority ?? null, isDelayed, dueAt, position(ids.length)],
    ]);
    const queues = new Set(rows.filter(({ state }) => state === 'ready').map((row) => row.queue));
    ready.add(queues);
    if (dueAt !== null) timetable.add(dueAt);
    if (rows.length > 0)
      engine.tell({ queues: [...queues], ...(dueAt === null ? {} : { at: dueAt }) });
    return this.#results(ids, rows, ({ state, expires_at: end, key }) => {
      if (state === 'dead' || state === 'reserved') return state === 'dead' ? 'dead' : 'held';
      if (queue !== undefined && key !== null) return 'duplicate';
      return dueAt !== null && end !== null && end <= dueAt ? 'expires' : 'held';
    });
  }

  /** @param why nothing was done to a message, by how it was a moment later */
  async #results(
    ids: readonly number[],
    done: readonly { readonly id: number }[],
    why: (now: Now) => Changed,
  ): Promise<Changed[]> {
    const changed = new Map<number, Changed>(done.map(({ id }) => [id, 'done']));
    const left = ids.filter((id) => !changed.has(id));
    if (left.length > 0) {
      const rows = await this.#parts.engine.fast<Now>(STATES, [left]);
      for (const row of rows) changed.set(row.id, why(row));
    }
    return ids.map((id) => changed.get(id) ?? 'missing');
  }
}

const FIND: Statement = {
  name: 'find',
  text: `SELECT ${COLUMNS}, ${ALL_FAILURES}, octet_length(body) AS size,
      substring(body FROM $2::int FOR coalesce($3::int, octet_length(body))) AS body
    FROM messages WHERE id = $1`,
};
const REMOVE: Statement = {
  name: 'remove',
  text: `WITH batch AS (SELECT id FROM messages WHERE id = ANY($2::bigint[]) AND state <> 'reserved'
      ORDER BY id FOR UPDATE),
    gone AS (DELETE FROM messages USING batch WHERE messages.id = batch.id RETURNING messages.id, bytes),
    counted AS (${COUNT_REMOVED})
    SELECT id FROM gone`,
};
const EDIT: Statement = {
  name: 'edit',
  text: `WITH found AS (SELECT id, queue, state, key FROM messages WHERE id = ANY($1::bigint[]) AND state IN ('ready', 'delayed')
      AND ($5::bigint IS NULL OR expires_at IS NULL OR expires_at > $5) ORDER BY id FOR UPDATE),
    batch AS (SELECT *, row_number() OVER (PARTITION BY key ORDER BY id) AS same FROM found),
    chosen AS (SELECT id, state AS before, row_number() OVER (ORDER BY id) AS n FROM batch
      WHERE $2::text IS NULL OR key IS NULL OR queue = $2 OR (same = 1 AND NOT EXISTS (SELECT FROM messages AS other
        WHERE other.queue = $2 AND other.key = batch.key AND other.state <> 'dead')))
    UPDATE messages SET queue = coalesce($2, queue), priority = coalesce($3::bigint, priority),
      state = CASE WHEN $4::boolean THEN 'delayed' WHEN NOT $4 THEN 'ready' ELSE state END,
      due_at = CASE WHEN $4 IS NULL THEN due_at ELSE $5 END,
      position = CASE WHEN NOT $4 AND before = 'delayed' THEN $6::bigint + n ELSE position END
    FROM chosen WHERE messages.id = chosen.id RETURNING messages.id, queue, state`,
};
const STATES: Statement = {
  name: 'states',
  text: 'SELECT id, state, expires_at, key FROM messages WHERE id = ANY($1::bigint[])',
};
