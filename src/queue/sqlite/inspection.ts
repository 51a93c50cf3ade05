import { setImmediate as nextTurn } from 'node:timers/promises';
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
import { changed, type QueueChange, type QueueSettings, type Queues } from '../queue-settings.ts';
import { bodyOf } from './body.ts';
import { type SqliteConnection, STEP_ROWS } from './connection.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { ReadyOrder } from './order.ts';
import { ALL_BUT_BODY, type BodilessRow, BYTES, storedOf } from './rows.ts';
import type { Removed, Tally } from './tally.ts';

/**
 * The order in which the messages of a state are shown, removed and kicked; each but `reserved` uses its index. Those
 * that are ready are in the order of their delivery.
 */
const ORDER: Record<Exclude<MessageState, 'ready'>, string> = {
  delayed: 'due_at, position',
  reserved: 'id',
  dead: 'priority DESC, id',
};

export interface SqliteInspectionOptions {
  readonly db: SqliteConnection;
  readonly tally: Tally;
  readonly queues: Queues;
  readonly deadLetters: Pick<DeadLetters, 'forget'>;
  /** Makes due messages ready and removes expired ones. */
  sweep(): void;
  /** The position for a message that becomes ready now; takes the `count` positions after it as well. */
  position(count: number): number;
  readonly order: ReadyOrder;
}

/** Inspecting the queues in the file, and changing them by hand. */
export class SqliteInspection implements Omit<Inspection, keyof ById | 'removeGroup'> {
  readonly #options: SqliteInspectionOptions;

  constructor(options: SqliteInspectionOptions) {
    this.#options = options;
  }

  async counts(): Promise<QueueCounts[]> {
    const { db, tally, queues, sweep } = this.#options;
    db.try(sweep);
    return tally.counts(queues);
  }

  async peek(queue: string, selection: Selection = {}): Promise<Stored[]> {
    const { db, sweep } = this.#options;
    return db.try(() => {
      sweep();
      return this.#peek(queue, selection);
    });
  }

  async purge(queue: string, selection: Selection = {}): Promise<number> {
    const { db, tally } = this.#options;
    const { limit = Number.POSITIVE_INFINITY } = selection;
    const states = selection.state ? [selection.state] : STATES;
    let purged = 0;
    for (const state of states.filter((state) => state !== 'reserved')) {
      purged += await this.#inSteps('remove', limit - purged, (rows) => {
        const step = { ...selection, limit: rows };
        return tally.forget(db.transaction(() => this.#purgeSome(queue, state, step)));
      });
    }
    return purged;
  }

  async kick(queue: string, { to = queue, ...selection }: Kicked = {}): Promise<number> {
    const { db, tally, position } = this.#options;
    return this.#inSteps('change', selection.limit ?? Number.POSITIVE_INFINITY, (rows) => {
      const step = { ...selection, limit: rows };
      const first = position(rows);
      const kicked = db.transaction(() => kickSome(db, queue, to, step, first));
      for (const bytes of kicked) {
        tally.add(to, 'ready', 1, bytes);
        tally.add(queue, 'dead', -1, -bytes);
      }
      return kicked.length;
    });
  }

  async settings(queue: string): Promise<QueueSettings> {
    return this.#options.queues.of(queue);
  }

  async set(queue: string, change: QueueChange): Promise<QueueSettings> {
    const { db, queues, deadLetters } = this.#options;
    const after = changed(queues.of(queue), change);
    queues.assertEnds(queue, after);
    const isNone = Object.keys(after).length === 0;
    const sql = isNone
      ? 'DELETE FROM queues WHERE queue = ?'
      : 'REPLACE INTO queues (queue, settings) VALUES (?, ?)';
    db.transaction(() => db.run(sql, isNone ? [queue] : [queue, JSON.stringify(after)]));
    queues.set(queue, after);
    deadLetters.forget();
    return after;
  }

  async pause(queue: string, paused: boolean): Promise<void> {
    const { db, tally } = this.#options;
    const sql = paused
      ? 'INSERT OR IGNORE INTO paused (queue) VALUES (?)'
      : 'DELETE FROM paused WHERE queue = ?';
    db.transaction(() => db.run(sql, [queue]));
    if (paused) tally.paused.add(queue);
    else tally.paused.delete(queue);
  }

  #peek(queue: string, selection: Selection): Stored[] {
    const { db } = this.#options;
    let { limit = DEFAULT_PEEK_LIMIT } = selection;
    const { skip = 0 } = selection;
    const found: Stored[] = [];
    for (const state of selection.state ? [selection.state] : STATES) {
      const { where, parameters } = condition(queue, state, selection.ids);
      // Without the bodies, of which the driver would read a hundred at once.
      const sql = `SELECT ${ALL_BUT_BODY} FROM messages WHERE ${where} ORDER BY ${this.#orderOf(state)}
      LIMIT ? OFFSET ?`;
      const rows = db.sql(sql).all([...parameters, limit, skip]) as BodilessRow[];
      found.push(...rows.map((row) => storedOf(row, bodyOf(db, row.id, selection), false)));
      limit -= rows.length;
    }
    return found;
  }

  /** Removes up to {@link STEP_ROWS} messages of a state. */
  #purgeSome(queue: string, state: MessageState, { ids, limit = STEP_ROWS }: Selection): Removed[] {
    const { where, parameters } = condition(queue, state, ids);
    const sql = `DELETE FROM messages WHERE id IN (
    SELECT id FROM messages WHERE ${where} ORDER BY ${this.#orderOf(state)} LIMIT ?
  ) RETURNING queue, state, ${BYTES} AS bytes`;
    return this.#options.db.sql(sql).all([...parameters, Math.min(limit, STEP_ROWS)]) as Removed[];
  }

  #orderOf(state: MessageState): string {
    return state === 'ready' ? this.#options.order.sql : ORDER[state];
  }

  /** Processes up to `limit` in steps, between which everybody else has a turn. @returns how many were processed */
  async #inSteps(
    how: 'remove' | 'change',
    limit: number,
    step: (rows: number) => number,
  ): Promise<number> {
    for (let done = 0; ; await nextTurn()) {
      const wanted = Math.min(limit - done, this.#options.db.stepRows(how));
      if (wanted <= 0) return done;
      const some = step(wanted);
      done += some;
      if (some < wanted) return done;
    }
  }
}

/** Makes up to {@link STEP_ROWS} dead messages ready in this or another queue. @returns the bytes of each */
function kickSome(
  db: SqliteConnection,
  queue: string,
  to: string,
  { ids, limit = STEP_ROWS }: Selection,
  position: number,
): number[] {
  const { where, parameters } = condition(queue, 'dead', ids);
  const rows = db
    .sql(
      `UPDATE messages SET queue = ?, state = 'ready', spent = 0, due_at = NULL, expires_at = NULL, died_at = NULL,
      position = ? + chosen.n, key = iif(chosen.same > 1 OR chosen.stands, NULL, key)
    FROM (SELECT id, row_number() OVER (ORDER BY ${ORDER.dead}) AS n,
        row_number() OVER (PARTITION BY key ORDER BY ${ORDER.dead}) AS same,
        key IS NOT NULL AND EXISTS (SELECT 1 FROM messages AS other WHERE other.queue = ?
          AND other.key = messages.key AND other.state <> 'dead') AS stands
      FROM messages WHERE ${where} ORDER BY ${ORDER.dead} LIMIT ?) AS chosen
    WHERE messages.id = chosen.id RETURNING ${BYTES} AS bytes`,
    )
    .all([to, position, to, ...parameters, Math.min(limit, STEP_ROWS)]) as { bytes: number }[];
  return rows.map(({ bytes }) => bytes);
}

/**
 * The states are ours, not a user's, so they are written into the statement, and SQLite finds the index of that
 * state. With ids, it should look those up, whatever else there is: a plus sign keeps it from using other indexes
 * (https://sqlite.org/queryplanner-ng.html).
 */
function condition(queue: string, state: MessageState, ids: readonly number[] | undefined) {
  if (ids === undefined) return { where: `queue = ? AND state = '${state}'`, parameters: [queue] };
  return {
    where: `id IN (SELECT value FROM json_each(?)) AND +queue = ? AND +state = '${state}'`,
    parameters: [JSON.stringify(ids), queue],
  };
}
