import type { Failure } from '../failure.ts';
import { policyFor, type StorePolicy } from '../policy.ts';
import type { Queues } from '../queue-settings.ts';
import { Swept } from '../swept.ts';
import { type SqliteConnection, STEP_ROWS } from './connection.ts';
import { DeadLetters } from './dead-letters.ts';
import { BYTES, type Row, textOrNull } from './rows.ts';
import { moveDead } from './settlement.ts';
import type { Removed, Tally } from './tally.ts';

interface ExpiredRow extends Removed, Pick<Row, 'dead_to'> {
  readonly id: number;
}

const DUE = "state = 'delayed' AND due_at <= ?";
const EXPIRED = "expires_at <= ? AND state IN ('ready', 'delayed')";

export interface TimetableOptions {
  readonly db: SqliteConnection;
  readonly tally: Tally;
  readonly policy: StorePolicy;
  readonly queues: Queues;
  /** The position for a message that becomes ready now; takes the `count` positions after it as well. */
  position(count: number): number;
}

/** When the next message falls due or expires, so that the file is queried only when there may be one. */
export class Timetable {
  readonly #options: TimetableOptions;
  readonly swept = new Swept();
  readonly deadLetters: DeadLetters;
  /** A queue whose rate forbids more may go on then. */
  #nextOpening = Number.POSITIVE_INFINITY;
  /** Times before which nothing falls due or expires; ms since the epoch. */
  #nextDue = Number.NEGATIVE_INFINITY;
  #nextExpiry = Number.NEGATIVE_INFINITY;

  constructor(options: TimetableOptions) {
    this.#options = options;
    this.deadLetters = new DeadLetters({ ...options, swept: this.swept });
  }

  /** A message falls due then, or may. */
  addDue(at: number): void {
    this.#nextDue = Math.min(this.#nextDue, at);
  }

  /** A message expires then, or may. */
  addExpiry(at: number): void {
    this.#nextExpiry = Math.min(this.#nextExpiry, at);
  }

  /** A queue that gives nothing now may give something then. */
  addOpening(at: number): void {
    this.#nextOpening = Math.min(this.#nextOpening, at);
  }

  /** In the past if there is something to do, or to report, at once; ms since the epoch. */
  next(): number | undefined {
    if (this.swept.becameReady) return Number.NEGATIVE_INFINITY;
    if (this.#nextDue === Number.NEGATIVE_INFINITY) this.#nextDue = this.#findNextDue();
    if (this.#nextExpiry === Number.NEGATIVE_INFINITY) this.#nextExpiry = this.#findNextExpiry();
    const next = Math.min(
      ...[this.#nextDue, this.#nextExpiry, this.#nextOpening, this.deadLetters.next()],
    );
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /** Makes due messages ready, removes expired ones and dead ones; a part of them, if there are many. */
  sweep(now: number): void {
    if (now >= this.#nextOpening) {
      this.#nextOpening = Number.POSITIVE_INFINITY;
      this.swept.ready();
    }
    this.deadLetters.sweep(now);
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
    const { db, tally, policy } = this.#options;
    if (policy.deadExpired) {
      this.#bury(now);
      return;
    }
    const some = `id IN (SELECT id FROM messages WHERE ${EXPIRED} LIMIT ${db.stepRows('remove')})`;
    const sql = `DELETE FROM messages WHERE ${some} RETURNING queue, state, ${BYTES} AS bytes`;
    const removed = db.writeAll(sql, [now]) as Removed[];
    tally.forget(removed);
    for (const { queue } of removed) this.swept.expired(queue);
  }

  /** Expired messages are dead. */
  #bury(now: number): void {
    const { db, tally, queues, policy, position } = this.#options;
    const sql = `SELECT id, queue, state, CAST(dead_to AS BLOB) AS dead_to, ${BYTES} AS bytes
      FROM messages WHERE ${EXPIRED} LIMIT ${db.stepRows('change')}`;
    const at = Math.floor(now);
    const buried = db.together(() =>
      (db.sql(sql).all([now]) as ExpiredRow[]).map((row) => {
        const { id, queue } = row;
        const reason = 'No consumer took it in time.';
        const failures = JSON.stringify([{ kind: 'expired', at, queue, reason } satisfies Failure]);
        db.run(
          `UPDATE messages SET state = 'dead', expires_at = NULL, due_at = NULL, died_at = ?, failures = ?
          WHERE id = ?`,
          [at, failures, id],
        );
        const own = { maxAttempts: null, backoffMs: null, queue };
        const deadTo = textOrNull(row.dead_to);
        const to = policyFor({ ...own, deadTo }, queues.of(queue), policy).deadTo;
        return {
          ...row,
          moved: to === undefined ? undefined : moveDead(db, id, to, position(1) + 1),
        };
      }),
    );
    for (const { queue, state, bytes, moved } of buried) {
      tally.add(queue, state, -1, -bytes);
      if (moved) tally.add(moved.queue, 'ready', 1, moved.bytes);
      else tally.add(queue, 'dead', 1, bytes);
      if (moved) this.swept.ready();
      else this.deadLetters.died(queue, at);
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
