import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Serial } from '../../serial.ts';
import type { OtherBroker } from '../engine-status.ts';
import { drawIncarnation } from '../incarnation.ts';
import type { Statement } from './connection.ts';
import type { Connections, PostgresEngine } from './engine.ts';
import { postgresErrors } from './errors.ts';
import { SCHEMA_VERSION } from './schema.ts';
import type { ServerClock } from './server-clock.ts';
import { FORGET_OLD_REPLIES, NOW } from './sql.ts';

/** An idle broker says that it is there so often; ms. */
export const HEARTBEAT_MS = 60_000;
/** A broker that was not seen for so long is forgotten; ms. */
const FORGOTTEN_MS = 24 * 3_600_000;
/** Numbers of producers are kept for so long; ms. */
const PRODUCERS_MS = 7 * 24 * 3_600_000;
/** How long a broker that ended just now may still be connected; ms. */
const ENDING_MS = 3000;
const ENDING_LOOK_MS = 20;
/** Stands for all brokers that are gone. */
export const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Who a broker is, for the other brokers of the store. */
export interface Place {
  /** The runtime directory on its host: a broker that opens the same one goes on with what the former one held. */
  readonly key: string;
  readonly host: string;
  readonly dir: string;
  readonly version: string;
}

export interface MembershipOptions {
  readonly name: string;
  readonly place: Place;
  readonly leaseMs: number;
  /** See StorePolicy. */
  readonly agingMs: number | undefined;
  readonly clock: ServerClock;
  readonly engine: PostgresEngine;
  /** Whether this broker holds messages. */
  holds(): boolean;
}

/**
 * The brokers of a store. What one of them holds is its own as long as it renews its lease; after that, another one
 * gives it to others.
 */
export class Membership {
  /** Of this broker, from its start to its end. */
  readonly id = randomUUID();
  readonly #options: MembershipOptions;
  /** Drawn anew with each connection: what was restored in between gives no name a second time. */
  #incarnation = 0;
  #renewals = 0;
  /** By the clock of this host; ms. */
  #leaseUntil = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  readonly #turns = new Serial();
  #isStarted = false;
  #isDraining = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** Others keep to their own; alike in most stores. */
  get leaseMs(): number {
    return this.#options.leaseMs;
  }

  /** Whether nobody may have given away what this broker holds. */
  get isOurs(): boolean {
    return performance.now() < this.#leaseUntil;
  }

  /** With each connection, before anything else. */
  async join({ durable, fast }: Connections): Promise<void> {
    const { place, clock, leaseMs, agingMs, name } = this.#options;
    // Without a session there is no lock; broker.pid keeps a second broker away in any case.
    if (!fast.isPooled) await lockPlace(fast, place.key, name);
    this.#incarnation = drawIncarnation();
    const began = performance.now();
    const answered = clock.asking();
    const [row] = await durable.ask<{ renewals: number; now: number }>(
      `INSERT INTO brokers (id, place, host, dir, version, incarnation, seen_at, lease_until, draining, knows, aging)
      VALUES ($1, $2, $3, $4, $5, $6, ${NOW}, ${NOW} + $7::bigint, $8, ${SCHEMA_VERSION}, $9)
      ON CONFLICT (id) DO UPDATE SET incarnation = excluded.incarnation, seen_at = excluded.seen_at,
        lease_until = excluded.lease_until, draining = excluded.draining, renewals = brokers.renewals + 1
      RETURNING renewals, seen_at AS now`,
      [
        this.id,
        place.key,
        place.host,
        place.dir,
        place.version,
        this.#incarnation,
        leaseMs,
        this.#isDraining,
        agingMs ?? null,
      ],
    );
    if (row) answered(row.now);
    this.#renewals = row?.renewals ?? 0;
    this.#leaseUntil = began + leaseMs;
    await durable.ask(
      'INSERT INTO published (broker, number) VALUES ($1, 0) ON CONFLICT (broker) DO NOTHING',
      [this.id],
    );
    await durable.ask(INHERIT, [this.id, place.key]);
    await durable.ask(
      `DELETE FROM brokers WHERE id <> $1 AND (place = $2 OR (seen_at < ${NOW} - ${FORGOTTEN_MS}
      AND NOT EXISTS (SELECT FROM messages WHERE broker = brokers.id AND state = 'reserved')))`,
      [this.id, place.key],
    );
    for (const table of ['published', 'removed']) await durable.ask(fold(table));
    await durable.ask(`DELETE FROM producers WHERE at < ${NOW} - ${PRODUCERS_MS}`);
    await durable.ask(FORGET_OLD_REPLIES);
  }

  /** From now on, the lease is renewed while something is held. */
  start(): void {
    this.#isStarted = true;
    this.#arm();
  }

  /** The lease is good for a while: what is handed out now is not given away before it has arrived. */
  async ensure(): Promise<void> {
    if (this.#leaseUntil - performance.now() < this.#options.leaseMs / 2) await this.#renew(true);
  }

  /** What it has just begun to hold is renewed in time. */
  held(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#arm();
  }

  /** The others, the one seen last first. */
  async others(): Promise<OtherBroker[]> {
    const { clock, engine } = this.#options;
    const rows = await engine.fast<Omit<OtherBroker, 'lastSeen'> & { seen_at: number }>(OTHERS, [
      this.id,
    ]);
    return rows.map(({ seen_at, ...row }) => ({
      ...row,
      lastSeen: new Date(clock.toHost(seen_at)).toISOString(),
    }));
  }

  /** If it cannot be told now, it is with the next connection. */
  async drains(isDraining: boolean): Promise<void> {
    this.#isDraining = isDraining;
    await this.#options.engine.fast(DRAINS, [this.id, isDraining]);
  }

  /** Its place is free; what it still holds is for whoever opens it next, or for the others. */
  async leave(): Promise<void> {
    this.#isStarted = false;
    clearTimeout(this.#timer);
    await this.#turns.ended;
    await this.#options.engine.fast(LEAVE, [this.id]);
  }

  #arm(): void {
    if (this.#timer || !this.#isStarted) return;
    const { holds, leaseMs } = this.#options;
    const onTime = () => {
      this.#timer = undefined;
      void this.#renew(holds())
        .catch(() => {}) // it is away: who looks for a message hears of it
        .then(() => this.#arm());
    };
    this.#timer = setTimeout(onTime, holds() ? leaseMs / 3 : HEARTBEAT_MS).unref();
  }

  /** @param holds false: it only says that it is there, and the lease is as it was */
  #renew(holds: boolean): Promise<void> {
    return this.#turns.add(() => this.#renewNow(holds));
  }

  async #renewNow(holds: boolean): Promise<void> {
    const { leaseMs, clock, engine, name } = this.#options;
    const began = performance.now();
    const answered = clock.asking();
    const values = [this.id, this.#renewals, holds ? leaseMs : null];
    const [row] = await engine.fast<{ now: number }>(RENEW, values);
    if (!row) {
      const why = 'its content was exchanged';
      engine.drop(why);
      throw postgresErrors.away(name, new Error(why));
    }
    answered(row.now);
    this.#renewals++;
    if (!holds) return;
    this.#leaseUntil = began + leaseMs;
    engine.tell({ lease: leaseMs });
  }
}

const RENEW: Statement = {
  name: 'renew',
  text: `UPDATE brokers SET renewals = renewals + 1, seen_at = ${NOW},
      lease_until = CASE WHEN $3::bigint IS NULL THEN lease_until ELSE ${NOW} + $3::bigint END
    WHERE id = $1 AND renewals = $2 RETURNING seen_at AS now`,
};
const OTHERS: Statement = {
  name: 'others',
  text: `SELECT host, dir, version, seen_at, draining FROM brokers WHERE id <> $1
    ORDER BY seen_at DESC, id LIMIT 1000`,
};
const DRAINS: Statement = {
  name: 'drains',
  text: 'UPDATE brokers SET draining = $2 WHERE id = $1',
};
const LEAVE: Statement = {
  name: 'leave',
  text: `DELETE FROM brokers WHERE id = $1
    AND NOT EXISTS (SELECT FROM messages WHERE broker = $1 AND state = 'reserved')`,
};

/** What the former broker of this place held, and whose consumers may still be at work. */
const INHERIT = `UPDATE messages SET broker = $1 FROM brokers
  WHERE messages.state = 'reserved' AND messages.broker = brokers.id AND brokers.place = $2 AND brokers.id <> $1`;

/** The sums of brokers that are gone become one row. */
function fold(table: string): string {
  const number =
    table === 'published' ? { column: ', number', value: ', 0' } : { column: '', value: '' };
  return `WITH gone AS (DELETE FROM ${table} WHERE broker <> '${NOBODY}'
      AND NOT EXISTS (SELECT FROM brokers WHERE id = ${table}.broker) RETURNING messages, bytes)
    INSERT INTO ${table} (broker${number.column}, messages, bytes)
    SELECT '${NOBODY}'${number.value}, sum(messages), sum(bytes) FROM gone HAVING count(*) > 0
    ON CONFLICT (broker) DO UPDATE SET messages = ${table}.messages + excluded.messages,
      bytes = ${table}.bytes + excluded.bytes`;
}

/** One broker for each place, as long as its connection lives. */
async function lockPlace(fast: Connections['fast'], key: string, name: string): Promise<void> {
  for (const until = Date.now() + ENDING_MS; ; await sleep(ENDING_LOOK_MS)) {
    const [lock] = await fast.ask<{ ours: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS ours',
      [key],
    );
    if (lock?.ours) return;
    if (Date.now() > until) throw postgresErrors.inUse(name);
  }
}
