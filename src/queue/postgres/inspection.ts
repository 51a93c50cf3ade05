import {
  type ById,
  DEFAULT_PEEK_LIMIT,
  type Inspection,
  type Kicked,
  type QueueCounts,
  type Selection,
  type Stored,
} from '../inspection.ts';
import { type MessageState, STATES } from '../message.ts';
import type { QueueChange, QueueSettings } from '../queue-settings.ts';
import type { Statement } from './connection.ts';
import { COLUMNS, LAST_FAILURE, type SizedRow, storedOf } from './rows.ts';
import {
  COUNT_REMOVED,
  DUE_FIRST,
  isPaused,
  type ReadyOrder,
  readyOrder,
  STEP_ROWS,
} from './sql.ts';
import type { Parts } from './timetable.ts';

/**
 * The order in which the messages of a state are shown, removed and kicked; each uses its index. Those that are ready
 * are in the order of their delivery.
 */
const ORDER: Record<Exclude<MessageState, 'ready'>, string> = {
  delayed: DUE_FIRST,
  reserved: 'id',
  dead: 'priority DESC, id',
};

/** Inspecting the queues in the database, and changing them by hand. */
export class PostgresInspection implements Omit<Inspection, keyof ById | 'removeGroup'> {
  readonly #parts: Parts;
  readonly #order: ReadyOrder;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#order = readyOrder(parts.policy.agingMs);
  }

  async counts(): Promise<QueueCounts[]> {
    const { engine, timetable, settings } = this.#parts;
    await timetable.sweep();
    const { all } = await settings.known();
    const rows = await engine.fast<{
      queue: string;
      state: MessageState | null;
      messages: number;
      paused: boolean;
    }>(COUNTS, []);
    const queues = new Map<string, Record<MessageState, number> & { paused: boolean }>();
    for (const { queue, state, messages, paused } of rows) {
      const counts = queues.get(queue) ?? { paused, ready: 0, delayed: 0, reserved: 0, dead: 0 };
      if (state) counts[state] = messages;
      queues.set(queue, counts);
    }
    const none = { paused: false, ready: 0, delayed: 0, reserved: 0, dead: 0 };
    return [...new Set([...queues.keys(), ...all.keys()])].sort().map((queue) => {
      const known = all.get(queue);
      return { queue, ...(queues.get(queue) ?? none), ...(known && { settings: known }) };
    });
  }

  async peek(queue: string, selection: Selection = {}): Promise<Stored[]> {
    const { engine, timetable, clock } = this.#parts;
    await timetable.sweep();
    const { fromByte = 0, maxBody, skip = 0, ids } = selection;
    let { limit = DEFAULT_PEEK_LIMIT } = selection;
    const found: Stored[] = [];
    for (const state of selection.state ? [selection.state] : STATES) {
      if (limit <= 0) break;
      const values = [queue, limit, skip, fromByte + 1, maxBody ?? null, ...(ids ? [ids] : [])];
      const rows = await engine.fast<SizedRow>(peek(state, ids, this.#order), values);
      found.push(...rows.map((row) => storedOf(row, (at) => clock.toHost(at))));
      limit -= rows.length;
    }
    return found;
  }

  async purge(queue: string, selection: Selection = {}): Promise<number> {
    const { engine, members } = this.#parts;
    const { limit = Number.POSITIVE_INFINITY, ids } = selection;
    const states = selection.state ? [selection.state] : STATES;
    let purged = 0;
    for (const state of states.filter((state) => state !== 'reserved')) {
      purged += await inSteps(limit - purged, async (rows) => {
        const values = [members.id, queue, rows, ...(ids ? [ids] : [])];
        const [gone] = await engine.durable<{ count: number }>(
          purge(state, ids, this.#order),
          values,
        );
        return gone?.count ?? 0;
      });
    }
    return purged;
  }

  async kick(
    queue: string,
    { ids, limit = Number.POSITIVE_INFINITY, to = queue }: Kicked = {},
  ): Promise<number> {
    const { engine, position, ready } = this.#parts;
    const kicked = await inSteps(limit, async (rows) => {
      const values = [queue, rows, position(rows), to, ...(ids ? [ids] : [])];
      return (await engine.durable(kick(ids), values)).length;
    });
    if (kicked > 0) {
      ready.add([to]);
      engine.tell({ queues: [to] });
    }
    return kicked;
  }

  async settings(queue: string): Promise<QueueSettings> {
    return (await this.#parts.settings.known()).of(queue);
  }

  async set(queue: string, change: QueueChange): Promise<QueueSettings> {
    const { settings, ready, timetable } = this.#parts;
    const after = await settings.set(queue, change);
    ready.forget([queue]);
    timetable.forgetDead();
    return after;
  }

  async pause(queue: string, paused: boolean): Promise<void> {
    const { engine, ready } = this.#parts;
    await engine.durable(paused ? PAUSE : RESUME, [queue]);
    ready.forget([queue]);
    engine.tell({ queues: [queue] });
  }
}

/** Processes up to `limit` in steps, so that nobody waits for long. @returns how many were processed */
async function inSteps(limit: number, step: (rows: number) => Promise<number>): Promise<number> {
  for (let done = 0; ; ) {
    const wanted = Math.min(limit - done, STEP_ROWS);
    if (wanted <= 0) return done;
    const some = await step(wanted);
    done += some;
    if (some < wanted) return done;
  }
}

/** The states are ours, not a user's, so they are written into the statement, and the index of that state is found. */
function condition(
  queue: string,
  state: MessageState,
  ids: readonly number[] | undefined,
  parameter: string,
): string {
  const which = ids ? ` AND id = ANY(${parameter}::bigint[])` : '';
  return `queue = ${queue} AND state = '${state}'${which}`;
}

function orderOf(state: MessageState, ready: ReadyOrder): string {
  return state === 'ready' ? ready.sql : ORDER[state];
}

function peek(
  state: MessageState,
  ids: readonly number[] | undefined,
  ready: ReadyOrder,
): Statement {
  return {
    name: `peek-${state}${ids ? '-ids' : ''}${ready.name}`,
    text: `SELECT ${COLUMNS}, ${LAST_FAILURE}, octet_length(body) AS size,
        substring(body FROM $4::int FOR coalesce($5::int, octet_length(body))) AS body
      FROM messages WHERE ${condition('$1', state, ids, '$6')} ORDER BY ${orderOf(state, ready)} LIMIT $2 OFFSET $3`,
  };
}

function purge(
  state: MessageState,
  ids: readonly number[] | undefined,
  ready: ReadyOrder,
): Statement {
  return {
    name: `purge-${state}${ids ? '-ids' : ''}${ready.name}`,
    text: `WITH batch AS (SELECT id FROM messages WHERE ${condition('$2', state, ids, '$4')}
        ORDER BY ${orderOf(state, ready)} LIMIT $3 FOR UPDATE SKIP LOCKED),
      gone AS (DELETE FROM messages USING batch WHERE messages.id = batch.id RETURNING bytes),
      counted AS (${COUNT_REMOVED})
      SELECT count(*)::int AS count FROM gone`,
  };
}

function kick(ids: readonly number[] | undefined): Statement {
  return {
    name: `kick${ids ? '-ids' : ''}`,
    text: `WITH batch AS (SELECT id, priority, key FROM messages WHERE ${condition('$1', 'dead', ids, '$5')}
        ORDER BY ${ORDER.dead} LIMIT $2 FOR UPDATE SKIP LOCKED),
      chosen AS (SELECT id, row_number() OVER (ORDER BY ${ORDER.dead}) AS n,
          row_number() OVER (PARTITION BY key ORDER BY ${ORDER.dead}) AS same,
          key IS NOT NULL AND EXISTS (SELECT FROM messages AS other WHERE other.queue = $4 AND other.key = batch.key
            AND other.state <> 'dead') AS stands
        FROM batch)
      UPDATE messages SET queue = $4, state = 'ready', spent = 0, due_at = NULL, expires_at = NULL, died_at = NULL,
        position = $3 + chosen.n,
        key = CASE WHEN same = 1 AND NOT stands THEN key END
      FROM chosen WHERE messages.id = chosen.id RETURNING messages.id`,
  };
}

const COUNTS: Statement = {
  name: 'counts',
  text: `SELECT queue, state, messages, ${isPaused('counted.queue')} AS paused
    FROM (SELECT queue, state, count(*) AS messages FROM messages GROUP BY queue, state) AS counted
    UNION ALL
    SELECT queue, NULL, 0, true FROM paused
    UNION ALL
    SELECT name, NULL, 0, ${isPaused('name')} FROM queue_groups`,
};
const PAUSE: Statement = {
  name: 'pause',
  text: 'INSERT INTO paused (queue) VALUES ($1) ON CONFLICT (queue) DO NOTHING',
};
const RESUME: Statement = { name: 'resume', text: 'DELETE FROM paused WHERE queue = $1' };
