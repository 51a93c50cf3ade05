import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OtherBroker } from '../engine-status.ts';
import type { Statement } from './connection.ts';
import type { Connections, PostgresEngine } from './engine.ts';
import { postgresErrors } from './errors.ts';
import { NOW, type ServerClock } from './server-clock.ts';

/** An idle broker says that it is there so often; ms. */
const HEARTBEAT_MS = 60_000;
/** A broker that was not seen for so long is forgotten; ms. */
const FORGOTTEN_MS = 24 * 3_600_000;
/** Numbers of producers are kept for so long; ms. */
const PRODUCERS_MS = 7 * 24 * 3_600_000;
/** How long a broker that ended just now may still be connected; ms. */
const ENDING_MS = 3000;
const ENDING_LOOK_MS = 20;
const MAX_INCARNATION = 2 ** 40;
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
  readonly clock: ServerClock;
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
  #renewing: Promise<void> | undefined;
  #engine: PostgresEngine | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** Whether nobody may have given away what this broker holds. */
  get isOurs(): boolean {
    return performance.now() < this.#leaseUntil;
  }

  /** With each connection, before anything else. */
  async join({ durable, fast }: Connections): Promise<void> {
    const { place, clock, leaseMs, name } = this.#options;
    // Without a session there is no lock; broker.pid keeps a second broker away in any case.
    if (!fast.isPooled) await lockPlace(fast, place.key, name);
    await clock.set(
      async () => (await durable.ask<{ now: number }>(`SELECT ${NOW} AS now`))[0]?.now ?? 0,
    );
    this.#incarnation = randomInt(1, MAX_INCARNATION);
    const began = performance.now();
    const [row] = await durable.ask<{ renewals: number }>(
      `INSERT INTO brokers (id, place, host, dir, version, incarnation, seen_at, lease_until)
      VALUES ($1, $2, $3, $4, $5, $6, ${NOW}, ${NOW} + $7::bigint)
      ON CONFLICT (id) DO UPDATE SET incarnation = excluded.incarnation, seen_at = excluded.seen_at,
        lease_until = excluded.lease_until, renewals = brokers.renewals + 1
      RETURNING renewals`,
      [this.id, place.key, place.host, place.dir, place.version, this.#incarnation, leaseMs],
    );
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
  }

  /** From now on, the lease is renewed while something is held. */
  start(engine: PostgresEngine): void {
    this.#engine = engine;
    this.#arm();
  }

  /** The lease is good for a while: what is handed out now is not given away before it has arrived. */
  async ensure(): Promise<void> {
    if (this.#leaseUntil - performance.now() < this.#options.leaseMs / 2) await this.#renew(true);
  }

  /** The others, the one seen last first. */
  async others(engine: PostgresEngine): Promise<OtherBroker[]> {
    const { clock } = this.#options;
    const rows = await engine.fast<{
      host: string;
      dir: string;
      version: string;
      seen_at: number;
      draining: boolean;
    }>(OTHERS, [this.id]);
    return rows.map(({ seen_at, ...row }) => ({
      ...row,
      lastSeen: new Date(clock.toHost(seen_at)).toISOString(),
    }));
  }

  async drains(engine: PostgresEngine, isDraining: boolean): Promise<void> {
    await engine.fast(DRAINS, [this.id, isDraining]);
  }

  /** Its place is free; what it still holds is for whoever opens it next, or for the others. */
  async leave(engine: PostgresEngine): Promise<void> {
    clearTimeout(this.#timer);
    await this.#renewing?.catch(() => {});
    await engine.fast(LEAVE, [this.id]);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#engine = undefined;
  }

  #arm(): void {
    if (this.#timer || !this.#engine) return;
    const ms = this.#options.holds() ? this.#options.leaseMs / 3 : HEARTBEAT_MS;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#renew(this.#options.holds())
        .catch(() => {}) // it is away: who looks for a message hears of it
        .then(() => this.#arm());
    }, ms).unref();
  }

  /** Soon, because there is something to hold. */
  held(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#arm();
  }

  /** @param holds false: it only says that it is there */
  async #renew(holds: boolean): Promise<void> {
    await this.#renewing?.catch(() => {});
    this.#renewing ??= this.#renewNow(holds).finally(() => {
      this.#renewing = undefined;
    });
    await this.#renewing;
  }

  async #renewNow(holds: boolean): Promise<void> {
    const engine = this.#engine;
    if (!engine) return;
    const { leaseMs, clock } = this.#options;
    const began = performance.now();
    let known = false;
    await clock.set(async () => {
      const [row] = await engine.fast<{ now: number }>(RENEW, [
        this.id,
        this.#renewals,
        holds ? leaseMs : null,
      ]);
      known = row !== undefined;
      return row?.now ?? clock.now();
    });
    if (!known) {
      engine.drop('its content was exchanged');
      throw postgresErrors.away(this.#options.name, new Error('its content was exchanged'));
    }
    this.#renewals++;
    this.#leaseUntil = holds ? began + leaseMs : Number.NEGATIVE_INFINITY;
    if (holds) engine.tell({ lease: leaseMs });
  }
}

const RENEW: Statement = {
  name: 'renew',
  text: `UPDATE brokers SET renewals = renewals + 1, seen_at = ${NOW}, lease_until = ${NOW} + $3::bigint
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
