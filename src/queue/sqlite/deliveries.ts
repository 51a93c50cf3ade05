import type { StorePolicy } from '../policy.ts';
import type { DeliveryName, Reservation, Reserved, Settled, Settlement, Store } from '../store.ts';
import type { SqliteAsks } from './asks.ts';
import type { SqliteConnection } from './connection.ts';
import type { ReservedRow } from './count.ts';
import type { Keys } from './keys.ts';
import { ALL_COLUMNS, asText, BYTES, bytesOf, type Row, reservedOf } from './rows.ts';
import { type RowChange, settlementOf } from './settlement.ts';
import type { Removed, Tally } from './tally.ts';
import type { Timetable } from './timetable.ts';

export interface SqliteDeliveriesOptions {
  readonly db: SqliteConnection;
  readonly policy: StorePolicy;
  readonly tally: Tally;
  readonly keys: Keys;
  readonly asks: SqliteAsks;
  readonly timetable: Timetable;
  /** What is reserved, by id: as it is in the file. */
  readonly reserved: Map<number, ReservedRow>;
  readonly incarnation: number;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** What a settlement does to a reserved row. */
interface Change extends Settlement, RowChange {
  readonly held: ReservedRow;
}

/** Handing out what is in the file, and what becomes of it. */
export class SqliteDeliveries
  implements Pick<Store, 'reserve' | 'settle' | 'settleLate' | 'reservations'>
{
  readonly #options: SqliteDeliveriesOptions;

  constructor(options: SqliteDeliveriesOptions) {
    this.#options = options;
  }

  async reserve(
    queues: readonly string[],
    consumers: readonly string[],
    maxBytes = Number.POSITIVE_INFINITY,
  ): Promise<Reserved[]> {
    const { db, tally, timetable, now } = this.#options;
    return db.try(() => {
      db.assertOurs();
      timetable.sweep(now());
      const giving = queues.filter((queue) => tally.gives(queue));
      if (giving.length === 0) return [];
      const rows = db.together(() => this.#take(giving, consumers, maxBytes));
      return rows.map((row) => this.#hold(row));
    });
  }

  #take(queues: readonly string[], consumers: readonly string[], maxBytes: number): Row[] {
    const { db, incarnation } = this.#options;
    const rows: Row[] = [];
    let bytes = 0;
    for (const consumer of consumers) {
      const row = queues
        .map((queue) => this.#head(queue))
        .filter((head) => head !== undefined)
        .sort((a, b) => b.priority - a.priority || a.position - b.position)[0];
      if (!row) break;
      bytes += bytesOf(row);
      if (bytes > maxBytes && rows.length > 0) break;
      db.run("UPDATE messages SET state = 'reserved', consumer = ?, incarnation = ? WHERE id = ?", [
        consumer,
        incarnation,
        row.id,
      ]);
      rows.push(row);
    }
    return rows;
  }

  #hold(row: Row): Reserved {
    const { tally, reserved, incarnation } = this.#options;
    const { id, queue, attempts, spent, releases, deliveries } = row;
    const keepsKey = row.key_ttl === null ? 0 : 1;
    const bytes = bytesOf(row);
    reserved.set(id, { queue, attempts, spent, releases, deliveries, bytes, keepsKey });
    tally.move(queue, 'ready', 'reserved');
    return { ...reservedOf(row), incarnation };
  }

  async settle(settlements: readonly Settlement[]): Promise<Settled[]> {
    const { db, policy, reserved, keys, asks } = this.#options;
    const now = this.#options.now();
    const changes = settlements.map(({ id, outcome, replied }) => {
      const held = reserved.get(id);
      const change = held && settlementOf(id, held, outcome, policy, now);
      return change && { id, outcome, replied, held, ...change };
    });
    const known = changes.filter((change) => change !== undefined);
    if (known.length < changes.length)
      return changes.map((change) => (change ? 'unmade' : 'unknown'));
    db.together(() => {
      for (const { id, held, state, sql, parameters, replied } of known) {
        if (state === 'gone' && held.keepsKey) keys.keep(id, now);
        if (replied && (state === 'gone' || state === 'dead')) asks.keep(replied, state, now);
        db.run(sql, parameters);
      }
    });
    return known.map((change) => this.#release(change));
  }

  #release({ id, outcome, held, state, dueAt }: Change): RowChange['state'] {
    const { tally, timetable, reserved } = this.#options;
    reserved.delete(id);
    if (state === 'gone') tally.add(held.queue, 'reserved', -1, -held.bytes);
    else tally.move(held.queue, 'reserved', state);
    if (dueAt !== null) timetable.addDue(dueAt);
    if (outcome.kind === 'untaken') timetable.addExpiry(Number.NEGATIVE_INFINITY);
    return state;
  }

  async settleLate(
    id: number,
    { incarnation, delivery }: DeliveryName,
    reply?: Uint8Array,
  ): Promise<string | undefined> {
    // It was the last delivery: nobody has received the message since.
    const which = "id = ? AND incarnation = ? AND deliveries = ? AND state IN ('ready', 'delayed')";
    const values = [id, incarnation, delivery];
    const { db, keys, asks, now, tally } = this.#options;
    const gone = db.together(() => {
      if (!db.sql(`SELECT 1 FROM messages WHERE ${which}`).get(values)) return [];
      keys.keep(id, now());
      if (reply) asks.keepOf(id, reply, now());
      const sql = `DELETE FROM messages WHERE id = ? RETURNING queue, state, ${BYTES} AS bytes`;
      return db.sql(sql).all([id]) as Removed[];
    });
    tally.forget(gone);
    return gone[0]?.queue;
  }

  async reservations(): Promise<Reservation[]> {
    const { db } = this.#options;
    return db.try(() => {
      const sql = `SELECT ${ALL_COLUMNS} FROM messages WHERE state = 'reserved' ORDER BY id`;
      const rows = db.sql(sql).all() as Row[];
      return rows.map((row) => ({
        ...reservedOf(row),
        consumer: asText(row.consumer),
        incarnation: row.incarnation ?? 0,
      }));
    });
  }

  #head(queue: string): Row | undefined {
    const sql = `SELECT ${ALL_COLUMNS} FROM messages WHERE queue = ? AND state = 'ready'
      ORDER BY priority DESC, position LIMIT 1`;
    return this.#options.db.sql(sql).get([queue]) as Row | undefined;
  }
}
