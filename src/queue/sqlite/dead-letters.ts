import type { StorePolicy } from '../policy.ts';
import type { Queues } from '../queue-settings.ts';
import type { Swept } from '../swept.ts';
import { type SqliteConnection, STEP_ROWS } from './connection.ts';
import { BYTES } from './rows.ts';
import type { Removed, Tally } from './tally.ts';

export interface DeadLettersOptions {
  readonly db: SqliteConnection;
  readonly tally: Tally;
  readonly policy: StorePolicy;
  readonly queues: Queues;
  readonly swept: Swept;
}

interface Oldest {
  readonly id: number;
  readonly bytes: number;
}

/** Removes dead messages that are too old, and the oldest when there are too many. */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  /** Nothing is too old before; ms since the epoch. */
  #nextAge = Number.NEGATIVE_INFINITY;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** A message of this queue is dead since then. */
  died(queue: string, at: number): void {
    this.#nextAge = Math.min(this.#nextAge, at + this.#ageOf(queue));
  }

  /** Other ages hold now. */
  forget(): void {
    this.#nextAge = Number.NEGATIVE_INFINITY;
  }

  /** When {@link sweep} has something to do; ms since the epoch. */
  next(): number {
    if (this.#areTooMany) return Number.NEGATIVE_INFINITY;
    if (this.#nextAge === Number.NEGATIVE_INFINITY) this.#nextAge = this.#findNextAge();
    return this.#nextAge;
  }

  /** Some of them, if there are many. */
  sweep(now: number): void {
    if (this.#areTooMany) this.#dropOldest();
    if (now < this.#nextAge) return;
    for (const queue of this.#options.tally.withDead) {
      const age = this.#ageOf(queue);
      if (age < Number.POSITIVE_INFINITY) this.#dropOld(queue, now - age);
    }
    this.#nextAge = this.#findNextAge();
  }

  get #areTooMany(): boolean {
    const { tally, policy } = this.#options;
    const { messages, bytes } = tally.deadBeyond(policy);
    return messages > 0 || bytes > 0;
  }

  #dropOldest(): void {
    const { db, tally, policy } = this.#options;
    let { messages, bytes } = tally.deadBeyond(policy);
    const sql = `SELECT id, ${BYTES} AS bytes FROM messages WHERE state = 'dead' ORDER BY died_at, id
      LIMIT ${db.stepRows('remove')}`;
    const surplus: number[] = [];
    for (const oldest of db.sql(sql).all() as Oldest[]) {
      if (messages <= 0 && bytes <= 0) break;
      surplus.push(oldest.id);
      messages--;
      bytes -= oldest.bytes;
    }
    this.#drop('id IN (SELECT value FROM json_each(?))', [JSON.stringify(surplus)], 'limit');
  }

  #dropOld(queue: string, before: number): void {
    const where = `id IN (SELECT id FROM messages WHERE queue = ? AND state = 'dead' AND died_at <= ?
      ORDER BY died_at LIMIT ?)`;
    const rows = Math.min(this.#options.db.stepRows('remove'), STEP_ROWS);
    this.#drop(where, [queue, before, rows], 'age');
  }

  #drop(where: string, parameters: readonly unknown[], why: 'age' | 'limit'): void {
    const { db, tally, swept } = this.#options;
    const sql = `DELETE FROM messages WHERE ${where} AND state = 'dead' RETURNING queue, state, ${BYTES} AS bytes`;
    const removed = db.writeAll(sql, parameters) as Removed[];
    tally.forget(removed);
    swept.dropped(
      removed.map(({ queue }) => queue),
      why,
    );
  }

  #findNextAge(): number {
    const { db, tally } = this.#options;
    const sql = `SELECT died_at AS at FROM messages WHERE queue = ? AND state = 'dead' AND died_at IS NOT NULL
      ORDER BY died_at LIMIT 1`;
    let next = Number.POSITIVE_INFINITY;
    for (const queue of tally.withDead) {
      const age = this.#ageOf(queue);
      if (age === Number.POSITIVE_INFINITY) continue;
      const oldest = db.sql(sql).get([queue]) as { at: number } | undefined;
      next = Math.min(next, (oldest?.at ?? Number.POSITIVE_INFINITY) + age);
    }
    return next;
  }

  #ageOf(queue: string): number {
    const { queues, policy } = this.#options;
    return queues.of(queue).deadAgeMs ?? policy.deadAgeMs;
  }
}
