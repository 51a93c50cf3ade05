import type { Reservation, Reserved, Store } from '../store.ts';
import type { Statement } from './connection.ts';
import { COLUMNS, type HeldRow, heldOf, queuedOf, type RowWithBody } from './rows.ts';
import { Settlements } from './settlements.ts';
import { FIRST } from './sql.ts';
import type { Parts } from './timetable.ts';

/** Another broker is just taking what was first: how often to look again. */
const MAX_LOOKS = 5;
/** Bytes of bodies reserved at a time, when nobody says less. */
const MAX_BYTES = 64 << 20;

const NOTHING_MORE = { isThere: false, rows: [], isCut: false };

/** Handing out what is in the database. */
export class Deliveries implements Pick<Store, 'reserve' | 'reservations'> {
  readonly settlements: Settlements;
  readonly #parts: Parts;
  readonly #held = new Map<number, HeldRow>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.settlements = new Settlements(parts, this.#held);
  }

  /** Whether this broker holds messages. */
  get any(): boolean {
    return this.#held.size > 0;
  }

  /** What was reserved when the connection broke, and nobody has heard of: it is ready again. */
  async forgetOrphans(ask: (text: string, values: unknown[]) => Promise<unknown>): Promise<void> {
    await ask(ORPHANS, [this.#parts.members.id, [...this.#held.keys()]]);
  }

  async reserve(
    queues: readonly string[],
    consumers: readonly string[],
    maxBytes = Number.POSITIVE_INFINITY,
  ): Promise<Reserved[]> {
    const { members, timetable } = this.#parts;
    await timetable.sweep();
    await members.ensure();
    const reserved: Reserved[] = [];
    let bytes = 0;
    for (let looks = 0; looks < MAX_LOOKS && reserved.length < consumers.length; ) {
      const some = consumers.slice(reserved.length);
      const left = Math.min(maxBytes, MAX_BYTES) - bytes;
      if (left <= 0) break;
      const taken = this.#take(queues, some, left, reserved.length === 0);
      const { isThere, rows, isCut } = await (reserved.length > 0
        ? taken.catch(() => NOTHING_MORE) // what there is goes out; who asks again hears of the error
        : taken);
      bytes += rows.reduce((sum, row) => sum + row.bytes, 0);
      reserved.push(...rows.map((row) => this.#hold(row)));
      if (!isThere || isCut) break;
      if (rows.length === 0) looks++;
    }
    if (reserved.length > 0) members.held();
    return reserved;
  }

  /** From the queue whose head is first, as many as come before the head of every other queue. */
  async #take(
    queues: readonly string[],
    consumers: readonly string[],
    maxBytes: number,
    isFirst: boolean,
  ): Promise<{ isThere: boolean; rows: readonly RowWithBody[]; isCut: boolean }> {
    const { engine, members, ready } = this.#parts;
    const since = ready.version;
    const values = [
      ...[queues, consumers.length, Math.floor(maxBytes), isFirst],
      ...[members.id, members.incarnation, consumers],
    ];
    const found = await engine.fast<
      (RowWithBody | { id: null }) & { heads: number; locked: number }
    >(RESERVE, values);
    const rows = found.filter((row): row is RowWithBody & typeof row => row.id !== null);
    const { heads = 0, locked = 0 } = found[0] ?? {};
    if (heads === 0) ready.learn(queues, false, since);
    return { isThere: heads > 0, rows, isCut: rows.length < locked };
  }

  #hold(row: RowWithBody): Reserved {
    this.#held.set(row.id, heldOf(row));
    this.settlements.forget(row.id);
    const { members, clock } = this.#parts;
    return {
      ...queuedOf(row, (at) => clock.toHost(at)),
      ...askerOf(row),
      incarnation: members.incarnation,
    };
  }

  async reservations(): Promise<Reservation[]> {
    const { engine, members, clock } = this.#parts;
    const rows = await engine.fast<RowWithBody & { consumer: string; incarnation: number }>(
      RESERVATIONS,
      [members.id],
    );
    if (rows.length > 0) members.held();
    return rows.map((row) => {
      const { consumer, incarnation } = row;
      this.#held.set(row.id, heldOf(row));
      const queued = queuedOf(row, (at) => clock.toHost(at));
      return { ...queued, ...askerOf(row), consumer, incarnation };
    });
  }
}

function askerOf({ asker }: RowWithBody): Pick<Reserved, 'asker'> {
  return asker === null ? {} : { asker };
}

/**
 * The heads are looked at without a lock, or brokers would keep each other from all queues but one. What is locked
 * and comes after the head of another queue is free again at once.
 */
const RESERVE: Statement = {
  name: 'reserve',
  text: `WITH heads AS (SELECT head.* FROM unnest($1::text[]) AS asked (name) CROSS JOIN LATERAL
      (SELECT queue, priority, position, id FROM messages WHERE queue = asked.name AND state = 'ready'
        ORDER BY ${FIRST} LIMIT 1) AS head
      WHERE NOT EXISTS (SELECT FROM paused WHERE paused.queue = asked.name) ORDER BY ${FIRST} LIMIT 2),
    rival AS (SELECT * FROM heads ORDER BY ${FIRST} OFFSET 1),
    locked AS (SELECT id, priority, position, bytes FROM messages
      WHERE queue = (SELECT queue FROM heads ORDER BY ${FIRST} LIMIT 1) AND state = 'ready'
      ORDER BY ${FIRST} LIMIT $2 FOR UPDATE SKIP LOCKED),
    before AS (SELECT * FROM locked WHERE NOT EXISTS (SELECT FROM rival WHERE
      (rival.priority, locked.position, locked.id) > (locked.priority, rival.position, rival.id))),
    counted AS (SELECT id, row_number() OVER (ORDER BY ${FIRST}) AS n, sum(bytes) OVER (ORDER BY ${FIRST}) AS total
      FROM before),
    taken AS (UPDATE messages SET state = 'reserved', broker = $5, incarnation = $6,
        consumer = ($7::text[])[counted.n]
      FROM counted WHERE messages.id = counted.id AND (total <= $3 OR (n = 1 AND $4::boolean))
      RETURNING n, messages.*)
    SELECT (SELECT count(*) FROM heads)::int AS heads, (SELECT count(*) FROM counted)::int AS locked, ${COLUMNS}, body
    FROM (VALUES (1)) AS one LEFT JOIN taken ON true ORDER BY n`,
};
const RESERVATIONS: Statement = {
  name: 'reservations',
  text: `SELECT ${COLUMNS}, body, consumer, incarnation FROM messages
    WHERE state = 'reserved' AND broker = $1 ORDER BY id`,
};
const ORPHANS = `UPDATE messages SET state = 'ready', broker = NULL, consumer = NULL, incarnation = NULL
  WHERE state = 'reserved' AND broker = $1 AND NOT (id = ANY($2::bigint[]))`;
