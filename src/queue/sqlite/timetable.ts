import { Swept } from '../swept.ts';
import { type SqliteConnection, STEP_ROWS } from './connection.ts';
import { BYTES } from './rows.ts';
import type { Removed, Tally } from './tally.ts';

const DUE = "state = 'delayed' AND due_at <= ?";
const EXPIRED = "expires_at <= ? AND state IN ('ready', 'delayed')";

export interface TimetableOptions {
  readonly db: SqliteConnection;
  readonly tally: Tally;
  /** Expired messages are kept. */
  readonly deadExpired: boolean;
  /** The position for a message that becomes ready now; takes the `count` positions after it as well. */
  position(count: number): number;
}

/** When the next message falls due or expires, so that the file is queried only when there may be one. */
export class Timetable {
  readonly #options: TimetableOptions;
  readonly swept = new Swept();
  /** Times before which nothing falls due or expires; ms since the epoch. */
  #nextDue = Number.NEGATIVE_INFINITY;
  #nextExpiry = Number.NEGATIVE_INFINITY;

  constructor(options: TimetableOptions) {
    this.#options = options;
  }

  /** A message falls due then, or may. */
  addDue(at: number): void {
    this.#nextDue = Math.min(this.#nextDue, at);
  }

  /** A message expires then, or may. */
  addExpiry(at: number): void {
    this.#nextExpiry = Math.min(this.#nextExpiry, at);
  }

  /** In the past if there is something to do, or to report, at once; ms since the epoch. */
  next(): number | undefined {
    if (this.swept.becameReady) return Number.NEGATIVE_INFINITY;
    if (this.#nextDue === Number.NEGATIVE_INFINITY) this.#nextDue = this.#findNextDue();
    if (this.#nextExpiry === Number.NEGATIVE_INFINITY) this.#nextExpiry = this.#findNextExpiry();
    const next = Math.min(this.#nextDue, this.#nextExpiry);
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /** Makes due messages ready and removes expired ones; a part of them, if there are many. */
  sweep(now: number): void {
    if (now >= this.#nextExpiry) {
      this.#expire(now);
      this.#nextExpiry = this.#findNextExpiry();
    }
    if (now < this.#nextDue) return;
    this.#makeReady(now);
    this.#nextDue = this.#findNextDue();
  }

  /** In the order in which they fell due. */
  #makeReady(now: number): void {
    const { db, tally, position } = this.#options;
    if (this.#findNextDue() > now) return;
    const sql = `UPDATE messages SET state = 'ready', due_at = NULL, position = ? + due.n
      FROM (SELECT id, row_number() OVER (ORDER BY due_at, position) AS n FROM messages
        WHERE ${DUE} ORDER BY due_at, position LIMIT ${db.stepRows('change')}) AS due
      WHERE messages.id = due.id RETURNING queue`;
    const rows = db.writeAll(sql, [position(STEP_ROWS), now]) as { queue: string }[];
    for (const { queue } of rows) tally.move(queue, 'delayed', 'ready');
    if (rows.length > 0) this.swept.ready();
  }

  #expire(now: number): void {
    if (this.#findNextExpiry() > now) return;
    const { db, tally, deadExpired } = this.#options;
    const rows = db.stepRows(deadExpired ? 'change' : 'remove');
    const some = `id IN (SELECT id FROM messages WHERE ${EXPIRED} LIMIT ${rows})`;
    // RETURNING gives the changed row: due_at tells what it was before.
    const sql = deadExpired
      ? `UPDATE messages SET state = 'dead', expires_at = NULL WHERE ${some}
        RETURNING queue, iif(due_at IS NULL, 'ready', 'delayed') AS state, ${BYTES} AS bytes`
      : `DELETE FROM messages WHERE ${some} RETURNING queue, state, ${BYTES} AS bytes`;
    for (const { queue, state, bytes } of db.writeAll(sql, [now]) as Removed[]) {
      if (deadExpired) tally.move(queue, state, 'dead');
      else tally.add(queue, state, -1, -bytes);
      this.swept.expired(queue);
    }
  }

  #findNextDue(): number {
    return this.#min("SELECT min(due_at) AS at FROM messages WHERE state = 'delayed'");
  }

  #findNextExpiry(): number {
    return this.#min(
      `SELECT min(expires_at) AS at FROM messages WHERE expires_at IS NOT NULL
      AND state IN ('ready', 'delayed')`,
    );
  }

  #min(sql: string): number {
    const { at } = this.#options.db.sql(sql).get() as { at: number | null };
    return at ?? Number.POSITIVE_INFINITY;
  }
}
