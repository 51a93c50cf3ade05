import type { Allowances } from '../allowances.ts';
import type {
  DeliveryName,
  Outcome,
  Reservation,
  Reserved,
  Settled,
  Settlement,
} from '../message.ts';
import { policyFor, type StorePolicy } from '../policy.ts';
import type { Queues } from '../queue-settings.ts';
import { type After, after } from '../settlement.ts';
import type { Store } from '../store.ts';
import type { SqliteAsks } from './asks.ts';
import type { SqliteConnection } from './connection.ts';
import { heldOf, type ReservedRow } from './count.ts';
import type { DeadLetters } from './dead-letters.ts';
import { SqliteGiving } from './giving.ts';
import type { Keys } from './keys.ts';
import type { ReadyOrder } from './order.ts';
import { ALL_COLUMNS, asText, BYTES, bytesOf, type ReadyRow, reservedOf } from './rows.ts';
import { type Moved, settleRow } from './settlement.ts';
import type { Removed, Tally } from './tally.ts';
import type { Timetable } from './timetable.ts';

export interface SqliteDeliveriesOptions {
  readonly db: SqliteConnection;
  readonly policy: StorePolicy;
  readonly queues: Queues;
  readonly allowances: Allowances;
  readonly deadLetters: Pick<DeadLetters, 'died'>;
  readonly tally: Tally;
  readonly keys: Keys;
  readonly asks: SqliteAsks;
  readonly timetable: Timetable;
  /** What is reserved, by id: as it is in the file. */
  readonly reserved: Map<number, ReservedRow>;
  readonly incarnation: number;
  readonly host: string;
  readonly order: ReadyOrder;
  /** Milliseconds since the epoch. */
  now(): number;
  /** The position for a message that becomes ready now; takes the `count` positions after it as well. */
  position(count: number): number;
}

/** What a settlement does to a reserved row. */
interface Change extends Settlement {
  readonly held: ReservedRow;
  /** Undefined: it is done, or as it was before. */
  readonly after: After | undefined;
}

/** Handing out what is in the file, and what becomes of it. */
export class SqliteDeliveries
  implements Pick<Store, 'reserve' | 'settle' | 'settleLate' | 'reservations'>
{
  readonly #options: SqliteDeliveriesOptions;
  readonly #giving: SqliteGiving;

  constructor(options: SqliteDeliveriesOptions) {
    this.#options = options;
    this.#giving = new SqliteGiving(options);
  }

  async reserve(
    queues: readonly string[],
    consumers: readonly string[],
    maxBytes = Number.POSITIVE_INFINITY,
  ): Promise<Reserved[]> {
    const { db, timetable, now } = this.#options;
    return db.try(() => {
      db.assertOurs();
      const at = now();
      timetable.sweep(at);
      const allowed = this.#giving.allowed(queues, at);
      if (allowed.length === 0) return [];
      const rows = db.together(() => this.#giving.take(allowed, consumers, maxBytes));
      return rows.map((row) => this.#hold(row, at));
    });
  }

  /** Whether a message of one of these queues may be given out now. */
  gives(queues: readonly string[]): boolean {
    return this.#giving.gives(queues, this.#options.now());
  }

  #hold(row: ReadyRow, now: number): Reserved {
    const { tally, reserved, allowances, incarnation } = this.#options;
    reserved.set(row.id, heldOf(row, bytesOf(row)));
    tally.move(row.queue, 'ready', 'reserved');
    allowances.taken(tally.groups.takerOf(row.queue), 1, now);
    return { ...reservedOf(row), incarnation };
  }

  async settle(settlements: readonly Settlement[]): Promise<Settled[]> {
    const { db, reserved } = this.#options;
    const now = this.#options.now();
    const changes = settlements.map(({ id, outcome, replied }): Change | undefined => {
      const held = reserved.get(id);
      return held && { id, outcome, replied, held, after: this.#after(outcome, held, now) };
    });
    const known = changes.filter((change) => change !== undefined);
    if (known.length < changes.length)
      return changes.map((change) => (change ? 'unmade' : 'unknown'));
    const moved = db.together(() => known.map((change) => this.#write(change, now)));
    return known.map((change, n) => this.#release(change, moved[n]));
  }

  #after(outcome: Outcome, held: ReservedRow, now: number): After | undefined {
    if (outcome.kind === 'done' || outcome.kind === 'untaken') return undefined;
    const { policy, queues, host } = this.#options;
    const rules = policyFor(held, queues.of(held.queue), policy);
    return after(outcome, held, { policy: rules, now, host, chance: Math.random() });
  }

  #write({ id, outcome, held, after, replied }: Change, now: number): Moved | undefined {
    const { db, keys, asks, position } = this.#options;
    const state = outcome.kind === 'done' ? 'gone' : after?.state;
    if (replied && (state === 'gone' || state === 'dead')) asks.keep(replied, state, now);
    if (after) return settleRow(db, id, after, () => position(1) + 1);
    if (outcome.kind === 'done') {
      if (held.keepsKey) keys.keep(id, now);
      db.run('DELETE FROM messages WHERE id = ?', [id]);
    } else {
      const sql = `UPDATE messages SET state = 'ready', consumer = NULL, incarnation = NULL WHERE id = ?`;
      db.run(sql, [id]);
    }
    return undefined;
  }

  #release(
    { id, outcome, held, after }: Change,
    moved: Moved | undefined,
  ): Exclude<Settled, 'unknown' | 'unmade'> {
    const { tally, timetable, reserved, deadLetters } = this.#options;
    const { queue, bytes } = held;
    reserved.delete(id);
    if (outcome.kind === 'untaken') {
      tally.move(queue, 'reserved', 'ready');
      timetable.addExpiry(Number.NEGATIVE_INFINITY);
      return 'ready';
    }
    if (!after || moved) tally.add(queue, 'reserved', -1, -bytes);
    else tally.move(queue, 'reserved', after.state, 1, bytes);
    if (moved) tally.add(moved.queue, 'ready', 1, moved.bytes);
    if (after?.state === 'dead') deadLetters.died(queue, after.failure?.at ?? 0);
    if (after && after.dueAt !== null) timetable.addDue(after.dueAt);
    return after?.state ?? 'gone';
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
      const rows = db.sql(sql).all() as ReadyRow[];
      return rows.map((row) => ({
        ...reservedOf(row),
        consumer: asText(row.consumer),
        incarnation: row.incarnation ?? 0,
      }));
    });
  }
}
