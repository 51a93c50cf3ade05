import type { Allowances } from '../allowances.ts';
import type { SqliteConnection } from './connection.ts';
import type { ReadyOrder } from './order.ts';
import { ALL_COLUMNS, BYTES, type ReadyRow, type Row } from './rows.ts';
import type { Tally } from './tally.ts';
import type { Timetable } from './timetable.ts';

export interface GivingOptions {
  readonly db: SqliteConnection;
  readonly allowances: Allowances;
  readonly tally: Tally;
  readonly timetable: Timetable;
  readonly incarnation: number;
  readonly order: ReadyOrder;
}

/** How many messages of a queue may be given out. */
interface Allowed {
  readonly queue: string;
  /** Of a group and of the queue whose rest it gets: the same. */
  readonly byRate: { left: number };
  readonly byConcurrency: { left: number };
}

/** What of a ready message decides whether it is given out next. */
type Head = Pick<Row, 'id' | 'priority' | 'position'> & { readonly bytes: number };

/** The messages of a queue that come next. */
interface Line extends Allowed {
  readonly heads: Head[];
}

function leftOf({ byRate, byConcurrency }: Allowed): number {
  return Math.floor(Math.min(byRate.left, byConcurrency.left));
}

/** Which messages are given out next, and to whom. */
export class SqliteGiving {
  readonly #options: GivingOptions;

  constructor(options: GivingOptions) {
    this.#options = options;
  }

  /**
   * Where something is ready that is for these queues, and how many messages of it may be given out now; if it is none
   * because of a rate, a sweep says when that is over.
   */
  allowed(queues: readonly string[], now: number): Allowed[] {
    const { allowances, tally, timetable } = this.#options;
    const byTaker = new Map<string, { left: number }>();
    const sources = tally.groups.sources(queues).filter((queue) => tally.gives(queue));
    return sources.map((queue) => {
      const taker = tally.groups.takerOf(queue);
      const byRate = byTaker.get(taker) ?? { left: allowances.byRate(taker, now) };
      if (byRate.left < 1) timetable.addOpening(allowances.opensAt(taker));
      byTaker.set(taker, byRate);
      const left = allowances.byConcurrency(queue, tally.reserved(queue));
      return { queue, byRate, byConcurrency: { left } };
    });
  }

  /** Whether a message of one of these queues may be given out now. */
  gives(queues: readonly string[], now: number): boolean {
    return this.allowed(queues, now).some((allowed) => leftOf(allowed) >= 1);
  }

  /** Within a transaction: reserves a message for each of the consumers, in turn, as long as there are some. */
  take(allowed: readonly Allowed[], consumers: readonly string[], maxBytes: number): ReadyRow[] {
    const ids = this.#next(allowed, consumers.length, maxBytes);
    const rows = new Map<number, ReadyRow>();
    for (const [consumer, own] of byConsumer(ids, consumers)) {
      const taken = this.#options.db
        .sql(
          `UPDATE messages SET state = 'reserved', consumer = ?, incarnation = ?
          WHERE id IN (SELECT value FROM json_each(?)) RETURNING ${ALL_COLUMNS}`,
        )
        .all([consumer, this.#options.incarnation, JSON.stringify(own)]) as ReadyRow[];
      for (const row of taken) rows.set(row.id, row);
    }
    return ids.map((id) => rows.get(id)).filter((row) => row !== undefined);
  }

  /** The first of all queues, again and again. @param allowed counted down */
  #next(allowed: readonly Allowed[], count: number, maxBytes: number): number[] {
    const lines = allowed.map((one) => ({
      ...one,
      heads: this.#heads(one.queue, Math.min(count, leftOf(one))),
    }));
    const ids: number[] = [];
    let bytes = 0;
    while (ids.length < count) {
      const line = this.#first(lines);
      const head = line?.heads[0];
      if (!line || !head) break;
      bytes += head.bytes;
      if (bytes > maxBytes && ids.length > 0) break;
      line.heads.shift();
      line.byRate.left--;
      line.byConcurrency.left--;
      ids.push(head.id);
    }
    return ids;
  }

  /** Whose head goes before those of the others. */
  #first(lines: readonly Line[]): Line | undefined {
    let first: Line | undefined;
    for (const line of lines) {
      const {
        heads: [head],
      } = line;
      if (!head || leftOf(line) < 1) continue;
      const [before] = first?.heads ?? [];
      if (!before || this.#options.order.compare(head, before) < 0) first = line;
    }
    return first;
  }

  /** Without their bodies: they may be large. */
  #heads(queue: string, count: number): Head[] {
    if (count < 1) return [];
    const { db, order } = this.#options;
    const sql = `SELECT id, priority, position, ${BYTES} AS bytes FROM messages
      WHERE queue = ? AND state = 'ready' ORDER BY ${order.sql} LIMIT ?`;
    return db.sql(sql).all([queue, count]) as Head[];
  }
}

function byConsumer(ids: readonly number[], consumers: readonly string[]): Map<string, number[]> {
  const owners = new Map<string, number[]>();
  for (const [n, id] of ids.entries()) {
    const consumer = consumers[n] as string;
    const own = owners.get(consumer);
    if (own) own.push(id);
    else owners.set(consumer, [id]);
  }
  return owners;
}
