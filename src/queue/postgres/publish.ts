import { StoreAway, type StoreError, storeErrors } from '../errors.ts';
import { allOf, firstOfEach } from '../keys.ts';
import { type NewMessage, type Published, sizeOf } from '../store.ts';
import type { Statement } from './connection.ts';
import { postgresErrors, wasAsked } from './errors.ts';
import type { Parts } from './timetable.ts';

/** How long to wait for a new connection that can say whether messages were stored; ms. */
const DOUBT_MS = 2000;

export interface PublisherParts extends Parts {
  readonly name: string;
}

type Answer = {
  readonly fits: boolean;
  /** In the order of the messages; null: it is not known. */
  readonly ids: readonly (number | null)[] | null;
  /** Which of them were not stored; null: none. */
  readonly duplicates: readonly boolean[] | null;
  /** What the store holds. */
  readonly messages: number;
  readonly bytes: number;
};

/** Stores messages, and finds out what became of them when the answer was lost. */
export class Publisher {
  readonly #parts: PublisherParts;
  /** Of the last publication whose fate is known. */
  #number = 0;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** @throws StoreFull, StoreUnknown, StoreError */
  async publish(all: readonly NewMessage[]): Promise<Published[]> {
    const { timetable, clock, policy } = this.#parts;
    await timetable.sweep();
    const now = clock.now();
    const firsts = firstOfEach(all);
    const batch = all.filter((_, n) => firsts[n] === n);
    const bytes = batch.reduce((sum, message) => sum + sizeOf(message), 0);
    const { fits, ids, duplicates, messages, bytes: held } = await this.#store(batch, now, bytes);
    if (!fits) {
      if (messages + batch.length > policy.maxMessages)
        throw storeErrors.tooMany(messages, policy.maxMessages);
      throw storeErrors.tooLarge(held, policy.maxBytes);
    }
    this.#tell(batch, now);
    const became = batch.map((_, n) => {
      return { id: ids?.[n] ?? null, isDuplicate: duplicates?.[n] ?? false };
    });
    return allOf(firsts, became);
  }

  async #store(batch: readonly NewMessage[], now: number, bytes: number): Promise<Answer> {
    const { engine, members, policy } = this.#parts;
    const number = this.#number + 1;
    const values = [
      ...[members.id, number, batch.length, bytes, policy.maxMessages, policy.maxBytes],
      ...this.#columns(batch, now),
    ];
    const askers = batch.map(({ asker = null }) => asker);
    try {
      const hasKeys = batch.some(({ key }) => key !== undefined);
      const [answer] = await (hasKeys
        ? engine.durable<Answer>(PUBLISH_KEYED, [...values, ...keyColumns(batch), askers])
        : engine.durable<Answer>(PUBLISH, [...values, askers]));
      if (answer?.fits) this.#number = number;
      return answer as Answer;
    } catch (error) {
      if (!(error instanceof StoreAway && wasAsked(error))) throw error;
      const ids = await this.#idsOf(number, error);
      if (!ids) throw error;
      this.#number = number;
      return { fits: true, ids, duplicates: null, messages: 0, bytes: 0 };
    }
  }

  /** The answer was lost. @returns undefined: they were not stored @throws StoreUnknown nobody knows */
  async #idsOf(number: number, why: StoreError): Promise<Answer['ids'] | undefined> {
    const { engine, members, name } = this.#parts;
    try {
      if (!(await engine.isBackIn(DOUBT_MS))) throw why;
      const [row] = await engine.durable<{ number: number; ids: (number | null)[] }>(LAST, [
        members.id,
      ]);
      if (!row) throw why; // this broker was forgotten: it says nothing
      return row.number === number ? row.ids : undefined;
    } catch (error) {
      throw postgresErrors.unknown(name, error);
    }
  }

  #columns(batch: readonly NewMessage[], now: number): unknown[] {
    const isDelayed = ({ delayMs = 0 }: NewMessage) => delayMs > 0;
    const offsets: number[] = [];
    let offset = 1;
    for (const { body } of batch) {
      offsets.push(offset);
      offset += body.length;
    }
    const producers = new Map(batch.map(({ producer }) => [producer?.process, producer?.number]));
    producers.delete(undefined);
    return [
      now,
      this.#parts.position(batch.length),
      Buffer.concat(batch.map(({ body }) => body)),
      offsets,
      batch.map(({ body }) => body.length),
      batch.map(({ queue }) => queue),
      batch.map((message) => (isDelayed(message) ? 'delayed' : 'ready')),
      batch.map(({ priority }) => priority),
      batch.map(({ headers = [] }) => (headers.length > 0 ? JSON.stringify(headers) : null)),
      batch.map((one) => (isDelayed(one) ? Math.ceil(now + (one.delayMs ?? 0)) : null)),
      batch.map(({ ttlMs }) => (ttlMs === undefined ? null : Math.ceil(now + ttlMs))),
      batch.map(sizeOf),
      [...producers.keys()],
      [...producers.values()],
    ];
  }

  #tell(batch: readonly NewMessage[], now: number): void {
    const { engine, ready, timetable } = this.#parts;
    const queues = new Set<string>();
    let at = Number.POSITIVE_INFINITY;
    for (const { queue, delayMs = 0, ttlMs = Number.POSITIVE_INFINITY } of batch) {
      if (delayMs > 0) at = Math.min(at, now + delayMs);
      else queues.add(queue);
      at = Math.min(at, now + ttlMs);
    }
    ready.add(queues);
    timetable.add(at);
    engine.tell({ queues: [...queues], ...(Number.isFinite(at) ? { at: Math.ceil(at) } : {}) });
  }
}

function keyColumns(batch: readonly NewMessage[]): unknown[] {
  const ttl = ({ keyTtlMs }: NewMessage) => (keyTtlMs === undefined ? null : Math.ceil(keyTtlMs));
  return [batch.map(({ key }) => key ?? null), batch.map(ttl)];
}

/** What the store holds, over all brokers. */
const ROOM = `SELECT coalesce(sum(messages), 0)::bigint AS messages, coalesce(sum(bytes), 0)::bigint AS bytes
      FROM (SELECT messages, bytes FROM published UNION ALL SELECT -messages, -bytes FROM removed) AS sums`;
const REMEMBER = `INSERT INTO producers (process, number, at)
      SELECT process, number, $7::bigint FROM checked, unnest($19::text[], $20::bigint[]) AS given (process, number)
      WHERE fits ON CONFLICT (process) DO UPDATE SET number = excluded.number, at = excluded.at`;

/** Stores all of them or none; the limits hold over all brokers, but for what is stored at the same moment. */
const PUBLISH: Statement = {
  name: 'publish',
  text: `WITH room AS (${ROOM}),
    checked AS (SELECT *, messages + $3::bigint <= $5::bigint AND bytes + $4::bigint <= $6::bigint AS fits FROM room),
    added AS (INSERT INTO messages
      (queue, state, priority, position, body, headers, enqueued_at, due_at, expires_at, bytes, asker)
      SELECT queue, state, priority, $8::bigint + n, substring($9::bytea FROM at FOR length), headers, $7::bigint,
        due_at, expires_at, size, asker
      FROM checked, unnest($10::int[], $11::int[], $12::text[], $13::text[], $14::bigint[], $15::text[],
        $16::bigint[], $17::bigint[], $18::int[], $21::text[]) WITH ORDINALITY
        AS given (at, length, queue, state, priority, headers, due_at, expires_at, size, asker, n)
      WHERE fits ORDER BY n RETURNING id),
    remembered AS (${REMEMBER}),
    counted AS (UPDATE published SET number = $2::bigint, messages = published.messages + $3::bigint,
      bytes = published.bytes + $4::bigint, ids = (SELECT array_agg(id ORDER BY id) FROM added)
      FROM checked WHERE fits AND broker = $1::uuid)
    SELECT fits, messages, bytes, (SELECT array_agg(id ORDER BY id) FROM added) AS ids, NULL AS duplicates FROM checked`,
};
/**
 * The same, but for messages whose key stands for another: those are left out. Which they are is looked at first, and
 * again by the index, because another broker may store one with the same key at the same time.
 */
const PUBLISH_KEYED: Statement = {
  name: 'publish-keyed',
  text: `WITH room AS (${ROOM}),
    forgotten AS (DELETE FROM kept_keys WHERE until <= $7::bigint),
    given AS (SELECT * FROM unnest($10::int[], $11::int[], $12::text[], $13::text[], $14::bigint[], $15::text[],
        $16::bigint[], $17::bigint[], $18::int[], $21::text[], $22::bigint[], $23::text[]) WITH ORDINALITY
        AS given (at, length, queue, state, priority, headers, due_at, expires_at, size, key, key_ttl, asker, n)),
    stands AS (SELECT DISTINCT ON (n) n, id FROM (
      SELECT n, messages.id, 1 AS rank FROM given JOIN messages
        ON messages.queue = given.queue AND messages.key = given.key AND messages.state <> 'dead'
      UNION ALL SELECT n, message, 2 FROM given JOIN kept_keys
        ON kept_keys.queue = given.queue AND kept_keys.key = given.key AND until > $7::bigint) AS found
      ORDER BY n, rank),
    fresh AS (SELECT * FROM given WHERE NOT EXISTS (SELECT FROM stands WHERE stands.n = given.n)),
    checked AS (SELECT *, messages + (SELECT count(*) FROM fresh) <= $5::bigint
      AND bytes + (SELECT coalesce(sum(size), 0) FROM fresh) <= $6::bigint AS fits FROM room),
    added AS (INSERT INTO messages
      (queue, state, priority, position, body, headers, enqueued_at, due_at, expires_at, bytes, key, key_ttl, asker)
      SELECT queue, state, priority, $8::bigint + n, substring($9::bytea FROM at FOR length), headers, $7::bigint,
        due_at, expires_at, size, key, key_ttl, asker
      FROM checked, fresh WHERE fits ORDER BY n
      ON CONFLICT (queue, key) WHERE key IS NOT NULL AND state <> 'dead' DO UPDATE SET key = excluded.key
      RETURNING id, queue, key, messages.bytes, xmax = 0 AS is_new),
    became AS (SELECT n, id, NOT is_new AS duplicate FROM fresh JOIN added USING (queue, key)
      UNION ALL SELECT n, id, false FROM (SELECT n, row_number() OVER (ORDER BY n) AS nth FROM fresh WHERE key IS NULL)
        AS plain JOIN (SELECT id, row_number() OVER (ORDER BY id) AS nth FROM added WHERE key IS NULL) AS added USING (nth)
      UNION ALL SELECT n, id, true FROM stands),
    remembered AS (${REMEMBER}),
    counted AS (UPDATE published SET number = $2::bigint,
      messages = published.messages + (SELECT count(*) FROM added WHERE is_new),
      bytes = published.bytes + (SELECT coalesce(sum(bytes), 0) FROM added WHERE is_new),
      ids = (SELECT array_agg(id ORDER BY n) FROM became)
      FROM checked WHERE fits AND broker = $1::uuid)
    SELECT fits, messages, bytes, (SELECT array_agg(id ORDER BY n) FROM became) AS ids,
      (SELECT array_agg(duplicate ORDER BY n) FROM became) AS duplicates, $3::bigint, $4::bigint FROM checked`,
};
const LAST: Statement = {
  name: 'last-published',
  text: 'SELECT number, ids FROM published WHERE broker = $1 FOR UPDATE',
};
