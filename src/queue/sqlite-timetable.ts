import type { SqliteConnection } from './sqlite-connection.ts';
import { groups } from './sqlite-count.ts';
import type { Tally } from './tally.ts';

/** When the next message gets due or expires, so that the file is asked only when there may be some. */
export class Timetable {
  readonly #db: SqliteConnection;
  readonly #tally: Tally;
  /** Bounds before which nothing gets due or expires; ms since the epoch. */
  #nextDue = Number.NEGATIVE_INFINITY;
  #nextExpiry = Number.NEGATIVE_INFINITY;

  constructor(db: SqliteConnection, tally: Tally) {
    this.#db = db;
    this.#tally = tally;
  }

  /** A message gets due then, or may. */
  addDue(at: number): void {
    this.#nextDue = Math.min(this.#nextDue, at);
  }

  /** A message expires then, or may. */
  addExpiry(at: number): void {
    this.#nextExpiry = Math.min(this.#nextExpiry, at);
  }

  nextDue(): number | undefined {
    if (this.#nextDue === Number.NEGATIVE_INFINITY) this.#db.try(() => this.#findNextDue());
    return this.#nextDue === Number.POSITIVE_INFINITY ? undefined : this.#nextDue;
  }

  /** What is due becomes ready, what has expired goes. */
  sweep(now: number): void {
    if (now >= this.#nextExpiry) {
      this.#drop(now);
      this.#nextExpiry = this.#min(
        `SELECT min(expires_at) AS at FROM messages WHERE expires_at IS NOT NULL
        AND state IN ('ready', 'delayed')`,
      );
    }
    if (now >= this.#nextDue) {
      const where = "state = 'delayed' AND due_at <= ?";
      const due = groups(this.#db, where, [now]);
      if (due.length > 0) {
        this.#db.write(`UPDATE messages SET state = 'ready', due_at = NULL WHERE ${where}`, [now]);
      }
      for (const { queue, messages } of due) this.#tally.move(queue, 'delayed', 'ready', messages);
      this.#findNextDue();
    }
  }

  #drop(now: number): void {
    const where = "expires_at <= ? AND state IN ('ready', 'delayed')";
    const expired = groups(this.#db, where, [now]);
    if (expired.length === 0) return;
    this.#db.write(`DELETE FROM messages WHERE ${where}`, [now]);
    for (const { queue, state, messages, bytes } of expired) {
      this.#tally.add(queue, state, -messages, -bytes);
    }
  }

  #findNextDue(): void {
    this.#nextDue = this.#min("SELECT min(due_at) AS at FROM messages WHERE state = 'delayed'");
  }

  #min(sql: string): number {
    const { at } = this.#db.sql(sql).get() as { at: number | null };
    return at ?? Number.POSITIVE_INFINITY;
  }
}
