import { StoreAway, type StoreError, storeErrors } from '../errors.ts';
import { allOf, firstOfEach } from '../keys.ts';
import { type NewMessage, type Published, sizeOf } from '../message.ts';
import type { Statement } from './connection.ts';
import { postgresErrors, wasAsked } from './errors.ts';
import { QueueRoom } from './queue-room.ts';
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
  /** Queues, and groups, in which something is ready; null: it is not known. */
  readonly queues: readonly string[] | null;
  /** What is to be stored, with a copy for each group. */
  readonly copies: number;
  /** What the store holds. */
  readonly messages: number;
  readonly bytes: number;
};

/** Stores messages, and finds out what became of them when the answer was lost. */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #room: QueueRoom;
  /** Of the last publication whose fate is known. */
  #number = 0;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#room = new QueueRoom(parts);
  }

  /** @throws StoreFull, StoreUnknown, StoreError */
  async publish(all: readonly NewMessage[]): Promise<Published[]> {
    const { timetable, clock, policy } = this.#parts;
    await timetable.sweep();
    const now = clock.now();
    const firsts = firstOfEach(all);
    const batch = all.filter((_, n) => firsts[n] === n);
    await this.#room.assert(batch);
    const answer = await this.#store(batch, now);
    const { ids, duplicates, messages } = answer;
    if (answer.fits) this.#room.taken(batch);
    else {
      if (messages + answer.copies > policy.maxMessages)
        throw storeErrors.tooMany(messages, policy.maxMessages);
      throw storeErrors.tooLarge(answer.bytes, policy.maxBytes);
    }
    this.#tell(batch, now, answer.queues);
    const became = batch.map((_, n) => {
      return { id: ids?.[n] ?? null, isDuplicate: duplicates?.[n] ?? false };
    });
    return allOf(firsts, became);
  }

  async #store(batch: readonly NewMessage[], now: number): Promise<Answer> {
    const { engine, members, policy } = this.#parts;
    const number = this.#number + 1;
    const values = [
      ...[members.id, number, policy.maxMessages, policy.maxBytes],
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
      const known = { copies: 0, messages: 0, bytes: 0 };
      return { ...known, fits: true, ids, duplicates: null, queues: null };
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
      batch.map(({ maxAttempts }) => maxAttempts ?? null),
      batch.map(({ backoffMs }) => (backoffMs === undefined ? null : Math.ceil(backoffMs))),
      batch.map(({ deadTo }) => deadTo ?? null),
    ];
  }

  /** @param queues in which something is ready; null: nobody knows */
  #tell(batch: readonly NewMessage[], now: number, queues: Answer['queues']): void {
    const { engine, ready, timetable } = this.#parts;
    let at = Number.POSITIVE_INFINITY;
    for (const { delayMs = 0, ttlMs = Number.POSITIVE_INFINITY } of batch)
      at = Math.min(at, now + (delayMs > 0 ? delayMs : ttlMs), now + ttlMs);
    if (queues) ready.add(queues);
    else ready.forget('all');
    timetable.add(at);
    const isDue = Number.isFinite(at);
    if (queues?.length === 0 && !isDue) return;
    engine.tell({ queues: queues ?? 'all', ...(isDue ? { at: Math.ceil(at) } : {}) });
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
      SELECT process, number, $5::bigint FROM checked, unnest($17::text[], $18::bigint[]) AS given (process, number)
      WHERE fits ON CONFLICT (process) DO UPDATE SET number = excluded.number, at = excluded.at`;
/**
 * What is given, once for each group of its queue, as `target`. What is in the queue itself is for the oldest group:
 * to that one, a key may also stand in `rest`.
 */
const COPIES = `SELECT given.*, coalesce(name, given.queue) AS target, coalesce(sequence, 0) AS sequence,
        CASE WHEN sequence = min(sequence) OVER (PARTITION BY n) THEN given.queue END AS rest
      FROM given LEFT JOIN queue_groups ON queue_groups.queue = given.queue`;

/**
 * Stores all of them or none; the limits hold over all brokers, but for what is stored at the same moment. All copies
 * of a message have its position, which tells them from those of the others.
 */
const PUBLISH: Statement = {
  name: 'publish',
  text: `WITH room AS (${ROOM}),
    given AS (SELECT * FROM unnest($8::int[], $9::int[], $10::text[], $11::text[], $12::bigint[], $13::text[],
        $14::bigint[], $15::bigint[], $16::int[], $19::int[], $20::bigint[], $21::text[], $22::text[]) WITH ORDINALITY
        AS given (at, length, queue, state, priority, headers, due_at, expires_at, size, max_attempts, backoff,
          dead_to, asker, n)),
    copies AS (${COPIES}),
    added_up AS (SELECT count(*) AS many, coalesce(sum(size), 0)::bigint AS much FROM copies),
    checked AS (SELECT *, messages + many <= $3::bigint AND bytes + much <= $4::bigint AS fits FROM room, added_up),
    added AS (INSERT INTO messages
      (queue, state, priority, position, body, headers, enqueued_at, due_at, expires_at, bytes,
        max_attempts, backoff, dead_to, asker)
      SELECT target, state, priority, $6::bigint + n, substring($7::bytea FROM at FOR length), headers, $5::bigint,
        due_at, expires_at, size, max_attempts, backoff, dead_to, asker
      FROM checked, copies WHERE fits ORDER BY n, sequence RETURNING id, queue, state, position),
    firsts AS (SELECT position, min(id) AS id FROM added GROUP BY position),
    remembered AS (${REMEMBER}),
    counted AS (UPDATE published SET number = $2::bigint, messages = published.messages + many,
      bytes = published.bytes + much, ids = (SELECT array_agg(id ORDER BY position) FROM firsts)
      FROM checked WHERE fits AND broker = $1::uuid)
    SELECT fits, messages, bytes, many AS copies, (SELECT array_agg(id ORDER BY position) FROM firsts) AS ids,
      NULL AS duplicates, coalesce((SELECT array_agg(DISTINCT queue) FROM added WHERE state = 'ready'), '{}') AS queues FROM checked`,
};
/**
 * The same, but for copies whose key stands for another message: those are left out. Which they are is looked at first,
 * and again by the index, because another broker may store one with the same key at the same time.
 */
const PUBLISH_KEYED: Statement = {
  name: 'publish-keyed',
  text: `WITH room AS (${ROOM}),
    forgotten AS (DELETE FROM kept_keys WHERE until <= $5::bigint),
    given AS (SELECT * FROM unnest($8::int[], $9::int[], $10::text[], $11::text[], $12::bigint[], $13::text[],
        $14::bigint[], $15::bigint[], $16::int[], $19::int[], $20::bigint[], $21::text[], $22::text[], $23::bigint[], $24::text[]) WITH ORDINALITY
        AS given (at, length, queue, state, priority, headers, due_at, expires_at, size, max_attempts, backoff,
          dead_to, key, key_ttl, asker, n)),
    copies AS (${COPIES}),
    places AS (SELECT n, sequence, target AS place, key FROM copies WHERE key IS NOT NULL
      UNION ALL SELECT n, sequence, rest, key FROM copies WHERE key IS NOT NULL AND rest <> target),
    stands AS (SELECT DISTINCT ON (n, sequence) n, sequence, id FROM (
      SELECT n, sequence, messages.id, 1 AS rank FROM places JOIN messages
        ON messages.queue = place AND messages.key = places.key AND messages.state <> 'dead'
      UNION ALL SELECT n, sequence, message, 2 FROM places JOIN kept_keys
        ON kept_keys.queue = place AND kept_keys.key = places.key AND until > $5::bigint) AS found
      ORDER BY n, sequence, rank),
    fresh AS (SELECT * FROM copies WHERE NOT EXISTS (SELECT FROM stands
      WHERE stands.n = copies.n AND stands.sequence = copies.sequence)),
    added_up AS (SELECT count(*) AS many, coalesce(sum(size), 0)::bigint AS much FROM fresh),
    checked AS (SELECT *, messages + many <= $3::bigint AND bytes + much <= $4::bigint AS fits FROM room, added_up),
    added AS (INSERT INTO messages
      (queue, state, priority, position, body, headers, enqueued_at, due_at, expires_at, bytes, key, key_ttl,
        max_attempts, backoff, dead_to, asker)
      SELECT target, state, priority, $6::bigint + n, substring($7::bytea FROM at FOR length), headers, $5::bigint,
        due_at, expires_at, size, key, key_ttl, max_attempts, backoff, dead_to, asker
      FROM checked, fresh WHERE fits ORDER BY n, sequence
      ON CONFLICT (queue, key) WHERE key IS NOT NULL AND state <> 'dead' DO UPDATE SET key = excluded.key
      RETURNING id, queue, key, state, position, messages.bytes, xmax = 0 AS is_new),
    became AS (SELECT n, sequence, id, NOT is_new AS duplicate FROM fresh JOIN added
        ON added.queue = target AND added.key = fresh.key
      UNION ALL SELECT n, sequence, id, false FROM fresh JOIN added
        ON added.queue = target AND position = $6::bigint + n WHERE fresh.key IS NULL AND added.key IS NULL
      UNION ALL SELECT n, sequence, id, true FROM stands),
    firsts AS (SELECT DISTINCT ON (n) n, id, duplicate FROM became ORDER BY n, duplicate, sequence),
    remembered AS (${REMEMBER}),
    counted AS (UPDATE published SET number = $2::bigint,
      messages = published.messages + (SELECT count(*) FROM added WHERE is_new),
      bytes = published.bytes + (SELECT coalesce(sum(bytes), 0) FROM added WHERE is_new),
      ids = (SELECT array_agg(id ORDER BY n) FROM firsts)
      FROM checked WHERE fits AND broker = $1::uuid)
    SELECT fits, messages, bytes, many AS copies, (SELECT array_agg(id ORDER BY n) FROM firsts) AS ids,
      (SELECT array_agg(duplicate ORDER BY n) FROM firsts) AS duplicates,
      coalesce((SELECT array_agg(DISTINCT queue) FROM added WHERE state = 'ready'), '{}') AS queues FROM checked`,
};
const LAST: Statement = {
  name: 'last-published',
  text: 'SELECT number, ids FROM published WHERE broker = $1 FOR UPDATE',
};
