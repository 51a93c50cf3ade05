import { StoreAway } from '../errors.ts';
import type { Reservation, Reserved } from '../message.ts';
import type { Store } from '../store.ts';
import type { Statement } from './connection.ts';
import { limitedSources, nothingIn, type Opening, openings, room } from './openings.ts';
import { COLUMNS, type HeldRow, heldOf, queuedOf, type RowWithBody } from './rows.ts';
import { Settlements } from './settlements.ts';
import { isPaused, type ReadyOrder, readyOrder } from './sql.ts';
import type { Parts } from './timetable.ts';

/** Another broker is just taking what was first: how often to look again. */
const MAX_LOOKS = 5;
/** Bytes of bodies reserved at a time, when nobody says less. */
const MAX_BYTES = 64 << 20;

/** Two brokers that took too much together try again after about this; ms. */
const AGAIN_MS = 20;

const NOTHING_MORE: Taken = { isThere: false, rows: [], isCut: false, asked: undefined };

interface Taken {
  /** There was something to be taken. */
  readonly isThere: boolean;
  readonly rows: readonly RowWithBody[];
  /** More would have been too large, or too many of their queue. */
  readonly isCut: boolean;
  /** For which of the queues they are; what is in a queue is for its oldest group. */
  readonly asked: string | undefined;
}

/** Handing out what is in the database. */
export class Deliveries implements Pick<Store, 'reserve' | 'reservations'> {
  readonly settlements: Settlements;
  readonly #parts: Parts;
  readonly #held = new Map<number, HeldRow>();
  readonly #reserve: Statement;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.settlements = new Settlements(parts, this.#held);
    this.#reserve = reserveIn(readyOrder(parts.policy.agingMs));
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
    const { members, timetable, allowances, clock } = this.#parts;
    await timetable.sweep();
    await members.ensure();
    await this.#parts.settings.known();
    const reserved: Reserved[] = [];
    let bytes = 0;
    for (let looks = 0; looks < MAX_LOOKS && reserved.length < consumers.length; ) {
      const some = consumers.slice(reserved.length);
      const left = Math.min(maxBytes, MAX_BYTES) - bytes;
      if (left <= 0) break;
      const open = openings(this.#parts, queues);
      if (open.length === 0) break;
      const taken = this.#take(open, some, left, reserved.length === 0);
      const { isThere, rows, isCut, asked } = await (reserved.length > 0
        ? taken.catch(() => NOTHING_MORE) // what there is goes out; who asks again hears of the error
        : taken);
      bytes += rows.reduce((sum, row) => sum + row.bytes, 0);
      reserved.push(...rows.map((row) => this.#hold(row)));
      if (asked !== undefined) allowances.taken(asked, rows.length, clock.now());
      if (!isThere || isCut) break;
      if (rows.length === 0) looks++;
    }
    if (reserved.length > 0) members.held();
    return reserved;
  }

  /**
   * Another broker may have taken of the same queue at the same moment. Both see it now, and what is too much goes back
   * before a consumer gets it; they try again at different times.
   */
  async #withinLimits(rows: readonly RowWithBody[]): Promise<readonly RowWithBody[]> {
    const { engine, settings, ready } = this.#parts;
    const queue = rows[0]?.queue ?? '';
    const { concurrency } = settings.queues.of(queue);
    if (concurrency === undefined) return rows;
    ready.forget([queue]);
    try {
      const [held] = await engine.fast<{ messages: number }>(COUNT_HELD, [queue]);
      const surplus = Math.min((held?.messages ?? 0) - concurrency, rows.length);
      if (surplus <= 0) return rows;
      await this.#giveBack(rows.slice(rows.length - surplus));
      return rows.slice(0, rows.length - surplus);
    } catch (error) {
      // They are reserved for us, and nobody gets them: with the next connection they are ready again.
      if (!(error instanceof StoreAway)) engine.drop('it did not say how many messages are held');
      throw error;
    }
  }

  async #giveBack(rows: readonly RowWithBody[]): Promise<void> {
    const { engine, members, timetable, clock } = this.#parts;
    await engine.fast(GIVE_BACK, [members.id, rows.map(({ id }) => id)]);
    timetable.add(Number.NEGATIVE_INFINITY); // they may expire
    timetable.addOpening(clock.now() + AGAIN_MS * (0.5 + Math.random()));
  }

  /** From the queue whose head is first, as many as come before the head of every other queue. */
  async #take(
    open: readonly Opening[],
    consumers: readonly string[],
    maxBytes: number,
    isFirst: boolean,
  ): Promise<Taken> {
    const { engine, members, ready, settings } = this.#parts;
    const since = ready.version;
    const queues = open.map(({ queue }) => queue);
    const concurrency = (queue: string) => settings.queues.of(queue).concurrency ?? null;
    const values = [
      ...[queues, consumers.length, Math.floor(maxBytes), isFirst],
      ...[members.id, members.incarnation, consumers],
      ...[open.map(({ most }) => Math.min(most, Number.MAX_SAFE_INTEGER)), queues.map(concurrency)],
    ];
    const found = await engine.fast<
      (RowWithBody | { id: null }) & { heads: number; locked: number; asked: string | null }
    >(this.#reserve, values);
    const rows = found.filter((row): row is RowWithBody & typeof row => row.id !== null);
    const { heads = 0, locked = 0, asked } = found[0] ?? {};
    if (heads === 0) nothingIn(this.#parts, queues, since);
    const kept = await this.#withinLimits(rows);
    const isCut = kept.length < locked;
    return { isThere: heads > 0, rows: kept, isCut, asked: asked ?? undefined };
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
function reserveIn({ name, sql: first, isBefore }: ReadyOrder): Statement {
  return {
    name: `reserve${name}`,
    text: `WITH asked AS (SELECT * FROM unnest($1::text[], $8::bigint[], $9::bigint[]) AS all_of (name, by_rate, concurrency)),
    heads AS (SELECT head.*, room.most, limited.asked FROM ${limitedSources('asked')} AS limited
      CROSS JOIN LATERAL (SELECT ${room('limited')} AS most) AS room CROSS JOIN LATERAL
      (SELECT queue, priority, position, id FROM messages WHERE queue = limited.name AND state = 'ready'
        ORDER BY ${first} LIMIT 1) AS head
      WHERE room.most > 0 AND NOT ${isPaused('limited.name')} ORDER BY ${first} LIMIT 2),
    rival AS (SELECT * FROM heads ORDER BY ${first} OFFSET 1),
    locked AS (SELECT id, priority, position, bytes FROM messages
      WHERE queue = (SELECT queue FROM heads ORDER BY ${first} LIMIT 1) AND state = 'ready'
      ORDER BY ${first} LIMIT least($2, (SELECT most FROM heads ORDER BY ${first} LIMIT 1)) FOR UPDATE SKIP LOCKED),
    before AS (SELECT * FROM locked WHERE NOT EXISTS (SELECT FROM rival WHERE ${isBefore('rival', 'locked')})),
    counted AS (SELECT id, row_number() OVER (ORDER BY ${first}) AS n, sum(bytes) OVER (ORDER BY ${first}) AS total
      FROM before),
    taken AS (UPDATE messages SET state = 'reserved', broker = $5, incarnation = $6,
        consumer = ($7::text[])[counted.n]
      FROM counted WHERE messages.id = counted.id AND (total <= $3 OR (n = 1 AND $4::boolean))
      RETURNING n, messages.*)
    SELECT (SELECT count(*) FROM heads)::int AS heads, (SELECT count(*) FROM counted)::int AS locked,
      (SELECT asked FROM heads ORDER BY ${first} LIMIT 1) AS asked, ${COLUMNS}, body
    FROM (VALUES (1)) AS one LEFT JOIN taken ON true ORDER BY n`,
  };
}
const COUNT_HELD: Statement = {
  name: 'count-held',
  text: `SELECT count(*) AS messages FROM messages WHERE state = 'reserved' AND queue = $1`,
};
const GIVE_BACK: Statement = {
  name: 'give-back',
  text: `UPDATE messages SET state = 'ready', broker = NULL, consumer = NULL, incarnation = NULL
    WHERE state = 'reserved' AND broker = $1 AND id = ANY($2::bigint[])`,
};
const RESERVATIONS: Statement = {
  name: 'reservations',
  text: `SELECT ${COLUMNS}, body, incarnation FROM messages
    WHERE state = 'reserved' AND broker = $1 ORDER BY id`,
};
const ORPHANS = `UPDATE messages SET state = 'ready', broker = NULL, consumer = NULL, incarnation = NULL
  WHERE state = 'reserved' AND broker = $1 AND NOT (id = ANY($2::bigint[]))`;
