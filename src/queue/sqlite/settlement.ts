import { deadLetterHeaders } from '../dead-letter.ts';
import { withFailure } from '../failure.ts';
import type { After } from '../settlement.ts';
import type { SqliteConnection } from './connection.ts';
import { BYTES, failuresIn, headersOf, type Row } from './rows.ts';

/** A message that has gone on to another queue. */
export interface Moved {
  readonly queue: string;
  readonly bytes: number;
}

/**
 * Within a transaction: writes what becomes of a reserved message that stays.
 * @param position for a message that becomes ready now
 * @returns where it has gone, because it is dead
 */
export function settleRow(
  db: SqliteConnection,
  id: number,
  after: After,
  position: () => number,
): Moved | undefined {
  const { state, attempts, spent, releases, deliveries, dueAt, failure } = after;
  const values = [state, attempts, spent, releases, deliveries, dueAt];
  // What was taken in time does not expire. The incarnation stays, because a late settlement names it.
  const set = `state = ?, attempts = ?, spent = ?, releases = ?, deliveries = ?, due_at = ?,
    expires_at = NULL, consumer = NULL`;
  if (!failure) {
    db.run(`UPDATE messages SET ${set} WHERE id = ?`, [...values, id]);
    return undefined;
  }
  const sql = 'SELECT CAST(failures AS BLOB) AS failures FROM messages WHERE id = ?';
  const row = db.sql(sql).get([id]) as Pick<Row, 'failures'>;
  db.run(`UPDATE messages SET ${set}, failures = ?, died_at = ? WHERE id = ?`, [
    ...values,
    JSON.stringify(withFailure(failuresIn(row.failures), failure)),
    state === 'dead' ? failure.at : null,
    id,
  ]);
  return after.moveTo === undefined ? undefined : moveDead(db, id, after.moveTo, position());
}

/** Within a transaction: a dead message goes on to another queue, as one that nobody has tried there. */
export function moveDead(db: SqliteConnection, id: number, to: string, position: number): Moved {
  const sql = `SELECT CAST(headers AS BLOB) AS headers, CAST(failures AS BLOB) AS failures
    FROM messages WHERE id = ?`;
  const row = db.sql(sql).get([id]) as Pick<Row, 'headers' | 'failures'>;
  const failure = failuresIn(row.failures).at(-1);
  const before = headersOf(row.headers);
  const headers = failure ? deadLetterHeaders(before, failure) : before;
  // Its key, and what it says of its attempts, were for the queue that it leaves; no late settlement is meant for it.
  const [moved] = db
    .sql(
      `UPDATE messages SET queue = ?, state = 'ready', position = ?, headers = ?, spent = 0, releases = 0,
        died_at = NULL, expires_at = NULL, due_at = NULL, incarnation = NULL, key = NULL, key_ttl = NULL,
        max_attempts = NULL, backoff = NULL, dead_to = NULL, asker = NULL
      WHERE id = ? RETURNING queue, ${BYTES} AS bytes`,
    )
    .all([to, position, headers.length > 0 ? JSON.stringify(headers) : null, id]) as Moved[];
  return moved as Moved;
}
