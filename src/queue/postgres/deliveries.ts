import { after, type Held } from '../settlement.ts';
import type {
  DeliveryName,
  Outcome,
  Reservation,
  Reserved,
  Settled,
  Settlement,
  Store,
  StorePolicy,
} from '../store.ts';
import type { Statement } from './connection.ts';
import type { PostgresEngine } from './engine.ts';
import { wasAsked } from './errors.ts';
import type { Membership } from './membership.ts';
import type { Ready } from './ready.ts';
import { COLUMNS, queuedOf, type Row, type RowWithBody } from './rows.ts';
import type { ServerClock } from './server-clock.ts';
import type { Timetable } from './timetable.ts';

/** Another broker is just taking what was first: how often to look again. */
const MAX_LOOKS = 5;
/** Bytes of bodies reserved at a time, when nobody says less. */
const MAX_BYTES = 64 << 20;

export interface DeliveriesOptions {
  readonly engine: PostgresEngine;
  readonly members: Membership;
  readonly policy: StorePolicy;
  readonly clock: ServerClock;
  readonly ready: Ready;
  readonly timetable: Timetable;
}

const NOTHING_MORE = { isThere: false, rows: [], isCut: false };

interface HeldRow extends Held {
  readonly queue: string;
}

/** What becomes of a message. */
interface Change extends Held {
  readonly id: number;
  /** How many deliveries there were before. */
  readonly before: number;
  readonly state: Exclude<Settled, 'unknown' | 'unmade'>;
  readonly dueAt: number | null;
  /** A consumer has received it. */
  readonly isTaken: boolean;
}

/** Handing out what is in the database, and what becomes of it. */
export class Deliveries
  implements Pick<Store, 'reserve' | 'settle' | 'settleLate' | 'reservations'>
{
  readonly #options: DeliveriesOptions;
  readonly #held = new Map<number, HeldRow>();
  /** Settlements whose answer was lost, by id. */
  readonly #doubted = new Map<number, Change>();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Whether this broker holds messages. */
  get any(): boolean {
    return this.#held.size > 0;
  }

  /** What was reserved when the connection broke, and nobody has heard of: it is ready again. */
  async forgetOrphans(ask: (text: string, values: unknown[]) => Promise<unknown>): Promise<void> {
    await ask(ORPHANS, [this.#options.members.id, [...this.#held.keys()]]);
  }

  async reserve(
    queues: readonly string[],
    consumers: readonly string[],
    maxBytes = Number.POSITIVE_INFINITY,
  ): Promise<Reserved[]> {
    const { members, timetable } = this.#options;
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
    const { engine, members, ready } = this.#options;
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
    const { id, queue, attempts, spent, releases, deliveries } = row;
    this.#held.set(id, { queue, attempts, spent, releases, deliveries });
    this.#doubted.delete(id);
    const { members, clock } = this.#options;
    return {
      ...queuedOf(row, (at) => clock.toHost(at)),
      incarnation: members.incarnation,
    };
  }

  async settle(settlements: readonly Settlement[]): Promise<Settled[]> {
    const changes = settlements.map(({ id, outcome }) => this.#changeOf(id, outcome));
    const known = changes.filter((change) => change !== undefined);
    if (known.length < changes.length)
      return changes.map((change) => (change ? 'unmade' : 'unknown'));
    const made = await this.#make(known);
    if (known.every(({ id }) => made.has(id))) {
      this.#onSettled(known);
      return known.map(({ state }) => state);
    }
    for (const { id } of known) if (!made.has(id)) this.#held.delete(id);
    return known.map(({ id }) => (made.has(id) ? 'unmade' : 'unknown'));
  }

  #changeOf(id: number, { kind }: Outcome): Change | undefined {
    const held = this.#held.get(id);
    if (!held) return undefined;
    const { clock, policy } = this.#options;
    const before = held.deliveries;
    if (kind === 'done') return { id, before, ...held, state: 'gone', dueAt: null, isTaken: true };
    if (kind === 'untaken')
      return { id, before, ...held, state: 'ready', dueAt: null, isTaken: false };
    return { id, before, ...after({ kind }, held, policy, clock.now()), isTaken: true };
  }

  /** @returns the ids of those that this broker held; if that is not all of them, none was settled */
  async #make(changes: readonly Change[]): Promise<Set<number>> {
    const { engine, members } = this.#options;
    const column = <K extends keyof Change>(key: K) => changes.map((change) => change[key]);
    try {
      const held = await engine.fast<{ id: number }>(SETTLE, [
        ...[members.id, column('id'), column('before'), column('state'), column('attempts')],
        ...[column('spent'), column('releases'), column('deliveries'), column('dueAt')],
        column('isTaken'),
      ]);
      const ours = new Set(held.map(({ id }) => id));
      return ours.size === changes.length ? ours : await this.#doubtless(changes, ours);
    } catch (error) {
      if (wasAsked(error)) for (const change of changes) this.#doubted.set(change.id, change);
      throw error;
    }
  }

  /** Some are not ours any more: perhaps because they were settled, and the answer was lost. */
  async #doubtless(changes: readonly Change[], ours: Set<number>): Promise<Set<number>> {
    const doubted = changes.filter(({ id }) => !ours.has(id) && this.#doubted.has(id));
    if (doubted.length === 0) return ours;
    const ids = doubted.map(({ id }) => id);
    const rows = await this.#options.engine.fast<Pick<Row, 'id' | 'deliveries'>>(LOOK, [ids]);
    const now = new Map(rows.map(({ id, deliveries }) => [id, deliveries]));
    const made = new Set(
      ids.filter((id) => {
        const was = this.#doubted.get(id);
        return was?.state === 'gone' ? !now.has(id) : now.get(id) === was?.deliveries;
      }),
    );
    const others = changes.filter(({ id }) => !made.has(id));
    if (others.length === changes.length || others.length === 0) return new Set([...ours, ...made]);
    return new Set([...made, ...(await this.#make(others))]);
  }

  #onSettled(changes: readonly Change[]): void {
    const { ready, timetable, engine } = this.#options;
    const queues = new Set<string>();
    let at = Number.POSITIVE_INFINITY;
    for (const { id, state, dueAt, isTaken } of changes) {
      const queue = this.#held.get(id)?.queue;
      this.#held.delete(id);
      this.#doubted.delete(id);
      if (state === 'ready' && queue !== undefined) queues.add(queue);
      if (dueAt !== null) at = Math.min(at, dueAt);
      if (!isTaken) timetable.add(Number.NEGATIVE_INFINITY); // it may expire
    }
    ready.add(queues);
    timetable.add(at);
    if (queues.size > 0 || Number.isFinite(at))
      engine.tell({ queues: [...queues], ...(Number.isFinite(at) ? { at } : {}) });
  }

  async settleLate(
    id: number,
    { incarnation, delivery }: DeliveryName,
  ): Promise<string | undefined> {
    const { engine, members } = this.#options;
    // It was the last delivery: nobody has received the message since.
    const [row] = await engine.fast<{ queue: string }>(SETTLE_LATE, [
      ...[members.id, id, incarnation, delivery],
    ]);
    return row?.queue;
  }

  async reservations(): Promise<Reservation[]> {
    const { engine, members, clock } = this.#options;
    const rows = await engine.fast<RowWithBody & { consumer: string; incarnation: number }>(
      RESERVATIONS,
      [members.id],
    );
    if (rows.length > 0) members.held();
    return rows.map((row) => {
      const { consumer, incarnation } = row;
      const { id, queue, attempts, spent, releases, deliveries } = row;
      this.#held.set(id, { queue, attempts, spent, releases, deliveries });
      return { ...queuedOf(row, (at) => clock.toHost(at)), consumer, incarnation };
    });
  }
}

const FIRST = 'priority DESC, position, id';
const COUNT_REMOVED = `INSERT INTO removed (broker, messages, bytes)
      SELECT $1::uuid, count(*), sum(bytes) FROM gone HAVING count(*) > 0
      ON CONFLICT (broker) DO UPDATE
      SET messages = removed.messages + excluded.messages, bytes = removed.bytes + excluded.bytes`;

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
const SETTLE: Statement = {
  name: 'settle',
  text: `WITH wanted AS (SELECT * FROM unnest($2::bigint[], $3::int[], $4::text[], $5::int[], $6::int[], $7::int[],
      $8::int[], $9::bigint[], $10::boolean[])
      AS change (id, before, state, attempts, spent, releases, deliveries, due_at, taken)),
    held AS (SELECT messages.id FROM wanted JOIN messages ON messages.id = wanted.id
      WHERE messages.state = 'reserved' AND messages.broker = $1 AND messages.deliveries = wanted.before
      FOR UPDATE OF messages),
    complete AS (SELECT (SELECT count(*) FROM held) = (SELECT count(*) FROM wanted) AS yes),
    gone AS (DELETE FROM messages USING wanted, complete
      WHERE yes AND messages.id = wanted.id AND wanted.state = 'gone' RETURNING messages.bytes),
    changed AS (UPDATE messages SET state = wanted.state, attempts = wanted.attempts, spent = wanted.spent,
        releases = wanted.releases, deliveries = wanted.deliveries, due_at = wanted.due_at, broker = NULL,
        consumer = NULL, incarnation = CASE WHEN taken THEN incarnation END,
        expires_at = CASE WHEN NOT taken THEN expires_at END
      FROM wanted, complete WHERE yes AND messages.id = wanted.id AND wanted.state <> 'gone'),
    counted AS (${COUNT_REMOVED})
    SELECT id FROM held`,
};
const LOOK: Statement = {
  name: 'look',
  text: 'SELECT id, deliveries FROM messages WHERE id = ANY($1::bigint[])',
};
const SETTLE_LATE: Statement = {
  name: 'settle-late',
  text: `WITH gone AS (DELETE FROM messages WHERE id = $2 AND incarnation = $3 AND deliveries = $4
      AND state IN ('ready', 'delayed') RETURNING queue, bytes),
    counted AS (${COUNT_REMOVED})
    SELECT queue FROM gone`,
};
const RESERVATIONS: Statement = {
  name: 'reservations',
  text: `SELECT ${COLUMNS}, body, consumer, incarnation FROM messages
    WHERE state = 'reserved' AND broker = $1 ORDER BY id`,
};
const ORPHANS = `UPDATE messages SET state = 'ready', broker = NULL, consumer = NULL, incarnation = NULL
  WHERE state = 'reserved' AND broker = $1 AND NOT (id = ANY($2::bigint[]))`;
