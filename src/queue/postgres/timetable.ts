import { Swept } from '../swept.ts';
import type { Statement } from './connection.ts';
import { DeadLetters } from './dead-letters.ts';
import type { CommonParts } from './parts.ts';
import { appended, COUNT_REMOVED, DUE_FIRST, NOW, STEP_ROWS } from './sql.ts';

/**
 * When the next message falls due or expires, and when the lease of another broker may be over, so that the server is
 * asked only then. Every broker does it for all; who comes second finds nothing.
 */
export class Timetable {
  readonly #parts: CommonParts;
  readonly swept = new Swept();
  readonly #deadLetters: DeadLetters;
  /** A queue whose limits forbid more may go on then. */
  #nextOpening = Number.POSITIVE_INFINITY;
  /** A dead message is to be looked at then. */
  #nextDead = Number.NEGATIVE_INFINITY;
  /** Nothing is to be done before, by the server's clock; ms since the epoch. */
  #next = Number.NEGATIVE_INFINITY;
  #nextLease = Number.NEGATIVE_INFINITY;
  #sweeping: Promise<void> | undefined;

  constructor(parts: CommonParts) {
    this.#parts = parts;
    this.#deadLetters = new DeadLetters(parts, this.swept);
  }

  /** A message falls due or expires then, or may. */
  add(at: number): void {
    this.#next = Math.min(this.#next, at);
  }

  /** A message of this queue is dead since then, by the server's clock. */
  died(queue: string, at: number): void {
    this.#nextDead = Math.min(this.#nextDead, this.#deadLetters.died(queue, at));
  }

  /** A queue that gives nothing now may give something then. */
  addOpening(at: number): void {
    this.#nextOpening = Math.min(this.#nextOpening, at);
  }

  /** Another broker's lease may be over then. */
  addLease(at: number): void {
    this.#nextLease = Math.min(this.#nextLease, at);
  }

  /** Dead messages are to be looked at, because others hold for them now, or they are to go on. */
  forgetDead(): void {
    this.#nextDead = Number.NEGATIVE_INFINITY;
  }

  /** Nothing is known any more. */
  forget(): void {
    this.forgetDead();
    this.#next = Number.NEGATIVE_INFINITY;
    this.#nextLease = Number.NEGATIVE_INFINITY;
  }

  async next(): Promise<number | undefined> {
    if (this.swept.becameReady) return Number.NEGATIVE_INFINITY;
    if (this.#next === Number.NEGATIVE_INFINITY) await this.#lookAhead();
    if (this.#nextLease === Number.NEGATIVE_INFINITY) await this.#lookAtLeases();
    if (this.#nextDead === Number.NEGATIVE_INFINITY) await this.#lookAtDead();
    const next = Math.min(this.#next, this.#nextLease, this.#nextOpening, this.#nextDead);
    return next === Number.POSITIVE_INFINITY ? undefined : this.#parts.clock.toHost(next);
  }

  /** Makes due messages ready, removes expired ones and dead ones; a part of them, if there are many. */
  async sweep(): Promise<void> {
    const now = this.#parts.clock.now();
    if (now >= this.#nextOpening) {
      this.#nextOpening = Number.POSITIVE_INFINITY;
      const { ready, settings } = this.#parts;
      ready.forget([...settings.queues.all.keys()]);
      this.swept.ready();
    }
    if (now < Math.min(this.#next, this.#nextLease, this.#nextDead)) return;
    this.#sweeping ??= this.#sweep(now).finally(() => {
      this.#sweeping = undefined;
    });
    await this.#sweeping;
  }

  async #sweep(now: number): Promise<void> {
    if (now >= this.#next) {
      this.#next = Number.POSITIVE_INFINITY; // what is added meanwhile counts
      try {
        await this.#expire(now);
        await this.#makeReady(now);
      } finally {
        await this.#lookAhead();
      }
    }
    if (now >= this.#nextLease) {
      this.#nextLease = Number.POSITIVE_INFINITY;
      try {
        await this.#takeOver();
      } finally {
        await this.#lookAtLeases();
      }
    }
    if (now < this.#nextDead) return;
    this.#nextDead = Number.POSITIVE_INFINITY;
    try {
      this.#onReady(await this.#deadLetters.sweep(now));
    } finally {
      await this.#lookAtDead();
    }
  }

  async #expire(now: number): Promise<void> {
    const { engine, members, policy } = this.#parts;
    const rows = policy.deadExpired
      ? await engine.fast<{ queue: string }>(BURY, [Math.floor(now)])
      : await engine.fast<{ queue: string }>(EXPIRE, [members.id, now]);
    for (const { queue } of rows) this.swept.expired(queue);
    if (policy.deadExpired && rows.length > 0) this.forgetDead();
  }

  /** In the order in which they fell due. */
  async #makeReady(now: number): Promise<void> {
    const { engine, position } = this.#parts;
    this.#onReady(await engine.fast<{ queue: string }>(MAKE_READY, [now, position(STEP_ROWS)]));
  }

  /** What a broker held that has not renewed its lease. */
  async #takeOver(): Promise<void> {
    const { engine, members, policy } = this.#parts;
    const values = [members.id, policy.maxAttempts, members.leaseMs];
    const rows = await engine.fast<{ queue: string; state: string }>(TAKE_OVER, values);
    this.#onReady(rows.filter(({ state }) => state === 'ready'));
    this.#onDead(rows.filter(({ state }) => state === 'dead'));
  }

  /** Nobody has these any more: what their queues allow at a time is free for others. */
  #onDead(rows: readonly { readonly queue: string }[]): void {
    if (rows.length === 0) return;
    this.forgetDead();
    const queues = [...new Set(rows.map(({ queue }) => queue))];
    this.swept.ready();
    this.#parts.ready.forget(queues);
    this.#parts.engine.tell({ queues });
  }

  #onReady(rows: readonly { readonly queue: string }[]): void {
    if (rows.length === 0) return;
    const queues = [...new Set(rows.map(({ queue }) => queue))];
    this.swept.ready();
    this.#parts.ready.add(queues);
    this.#parts.engine.tell({ queues });
  }

  async #lookAhead(): Promise<void> {
    const [row] = await this.#parts.engine.fast<{ at: number | null }>(NEXT, []);
    this.#next = Math.min(finite(this.#next), row?.at ?? Number.POSITIVE_INFINITY);
  }

  async #lookAtDead(): Promise<void> {
    const next = await this.#deadLetters.next();
    this.#nextDead = Math.min(finite(this.#nextDead), next);
  }

  async #lookAtLeases(): Promise<void> {
    const { engine, members } = this.#parts;
    const [row] = await engine.fast<{ at: number | null }>(NEXT_LEASE, [
      members.id,
      members.leaseMs,
    ]);
    this.#nextLease = Math.min(finite(this.#nextLease), row?.at ?? Number.POSITIVE_INFINITY);
  }
}

/** With them the others do their work. */
export interface Parts extends CommonParts {
  readonly timetable: Timetable;
}

/** What was not known is now. */
function finite(at: number): number {
  return at === Number.NEGATIVE_INFINITY ? Number.POSITIVE_INFINITY : at;
}

/** Nobody could renew a lease while the server was down: after a start, each is good for as long again. */
const LEASE_END = `greatest(lease_until, CASE WHEN lease_until IS NOT NULL
    THEN (extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint + $3::bigint END)`;

/** Where a message goes when it is dead, if not to its own queue; it goes there when it is looked at next. */
const DEAD_TO = `coalesce(dead_to, (SELECT settings ->> 'deadTo' FROM queues WHERE queues.queue = split_part(messages.queue, '@', 1)))`;

const BURY: Statement = {
  name: 'bury',
  text: `WITH batch AS (SELECT id FROM messages WHERE expires_at <= $1 AND expires_at IS NOT NULL
      AND state IN ('ready', 'delayed') LIMIT ${STEP_ROWS} FOR UPDATE SKIP LOCKED)
    UPDATE messages SET state = 'dead', expires_at = NULL, due_at = NULL, died_at = $1, dead_to = ${DEAD_TO},
      failures = jsonb_build_array(jsonb_build_object('kind', 'expired', 'at', $1::bigint, 'queue', queue,
        'reason', 'No consumer took it in time.'))
    FROM batch WHERE messages.id = batch.id RETURNING queue`,
};
const EXPIRE: Statement = {
  name: 'expire',
  text: `WITH batch AS (SELECT id FROM messages WHERE expires_at <= $2 AND expires_at IS NOT NULL
      AND state IN ('ready', 'delayed') LIMIT ${STEP_ROWS} FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM messages USING batch WHERE messages.id = batch.id RETURNING queue, bytes),
    counted AS (${COUNT_REMOVED})
    SELECT queue FROM gone`,
};
const MAKE_READY: Statement = {
  name: 'make-ready',
  text: `WITH batch AS (SELECT id, due_at, position FROM messages WHERE state = 'delayed' AND due_at <= $1
      ORDER BY ${DUE_FIRST} LIMIT ${STEP_ROWS} FOR UPDATE SKIP LOCKED),
    due AS (SELECT id, row_number() OVER (ORDER BY ${DUE_FIRST}) AS n FROM batch)
    UPDATE messages SET state = 'ready', due_at = NULL, position = $2 + due.n FROM due
    WHERE messages.id = due.id RETURNING queue`,
};
/** Why what another broker held has failed. */
const SILENT = `jsonb_build_object('kind', 'lost', 'attempt', attempts + 1, 'at', ${NOW}, 'queue', queue,
        'pid', split_part(consumer, ':', 1)::bigint, 'host', host,
        'reason', 'Its broker said nothing for longer than its lease.')`;
const TAKE_OVER: Statement = {
  name: 'take-over',
  text: `WITH over AS (SELECT id FROM brokers WHERE id <> $1 AND ${LEASE_END} <= ${NOW} FOR UPDATE SKIP LOCKED),
    without AS (SELECT id FROM over UNION ALL SELECT id FROM brokers WHERE id <> $1 AND lease_until IS NULL),
    held AS (SELECT messages.id, brokers.host, spent + 1 >= coalesce(max_attempts,
        (SELECT (settings ->> 'maxAttempts')::int FROM queues WHERE queues.queue = split_part(messages.queue, '@', 1)), $2) AS dies
      FROM messages JOIN without ON messages.broker = without.id JOIN brokers ON brokers.id = without.id
      WHERE messages.state = 'reserved' FOR UPDATE OF messages SKIP LOCKED),
    free AS (UPDATE brokers SET lease_until = NULL FROM over WHERE brokers.id = over.id)
    UPDATE messages SET state = CASE WHEN dies THEN 'dead' ELSE 'ready' END, spent = spent + 1,
      attempts = attempts + 1, deliveries = deliveries + 1, expires_at = NULL, broker = NULL, consumer = NULL,
      died_at = CASE WHEN dies THEN ${NOW} END, dead_to = CASE WHEN dies THEN ${DEAD_TO} ELSE dead_to END,
      failures = ${appended('failures', SILENT)}
    FROM held WHERE messages.id = held.id RETURNING queue, state`,
};
const NEXT: Statement = {
  name: 'next',
  text: `SELECT least(
    (SELECT due_at FROM messages WHERE state = 'delayed' ORDER BY ${DUE_FIRST} LIMIT 1),
    (SELECT expires_at FROM messages WHERE expires_at IS NOT NULL AND state IN ('ready', 'delayed')
      ORDER BY expires_at LIMIT 1)) AS at`,
};
const NEXT_LEASE: Statement = {
  name: 'next-lease',
  text: `SELECT min(${LEASE_END.replace('$3', '$2')}) AS at FROM brokers WHERE id <> $1`,
};
