import { storeErrors } from '../errors.ts';
import { type NewMessage, sizeOf } from '../message.ts';
import type { QueueSettings } from '../queue-settings.ts';
import type { Statement } from './connection.ts';
import type { CommonParts } from './parts.ts';

/** What a queue holds is counted again after this; ms. */
const RECOUNT_MS = 1000;
/** Or after so many times as long as counting takes, so that the server has something else to do as well. */
const RECOUNT_TIMES = 10;
/** Before a message is refused, it is counted again, unless that takes longer than this; ms. */
const QUICK_MS = 10;

interface Held {
  messages: number;
  bytes: number;
  /** By `performance.now()`. */
  readonly countedAt: number;
  readonly tookMs: number;
}

/**
 * Whether the queues that have limits of their own have room. What they hold is counted now and then, and what this
 * broker has stored since is added.
 */
export class QueueRoom {
  readonly #parts: CommonParts;
  readonly #held = new Map<string, Held>();

  constructor(parts: CommonParts) {
    this.#parts = parts;
  }

  /** @throws StoreFull */
  async assert(batch: readonly NewMessage[]): Promise<void> {
    const queues = await this.#parts.settings.known();
    if (queues.all.size === 0) return;
    for (const queue of new Set(batch.map((message) => message.queue))) {
      const limits = queues.of(queue);
      if (limits.maxMessages === undefined && limits.maxBytes === undefined) continue;
      const more = sumOf(batch, queue);
      const held = await this.#count(queue, limits, ageAllowed);
      if (fits(held, more, limits)) continue;
      const now = await this.#count(queue, limits, ageBeforeRefusal);
      if (fits(now, more, limits)) continue;
      const fresh = sumOf(await this.#fresh(batch, queue), queue);
      if (fresh.messages === 0 || fits(now, fresh, limits)) continue;
      const { maxMessages = Number.POSITIVE_INFINITY, maxBytes = 0 } = limits;
      if (now.messages + fresh.messages > maxMessages)
        throw storeErrors.queueTooMany(queue, now.messages, maxMessages);
      throw storeErrors.queueTooLarge(queue, now.bytes, maxBytes);
    }
  }

  /** They were stored. */
  taken(batch: readonly NewMessage[]): void {
    if (this.#held.size === 0) return;
    for (const message of batch) {
      const held = this.#held.get(message.queue);
      if (!held) continue;
      held.messages++;
      held.bytes += sizeOf(message);
    }
  }

  /** Those of which a copy is to be stored: none with its key is there. */
  async #fresh(batch: readonly NewMessage[], queue: string): Promise<readonly NewMessage[]> {
    const keys = batch.flatMap((one) => (one.queue === queue && one.key ? [one.key] : []));
    if (keys.length === 0) return batch;
    const { engine, clock } = this.#parts;
    const rows = await engine.fast<{ key: string }>(FRESH, [queue, keys, Math.floor(clock.now())]);
    const fresh = new Set(rows.map(({ key }) => key));
    return batch.filter(({ key }) => key === undefined || fresh.has(key));
  }

  async #count(
    queue: string,
    limits: QueueSettings,
    allowed: (held: Held) => number,
  ): Promise<Held> {
    const known = this.#held.get(queue);
    const now = performance.now();
    if (known && now - known.countedAt < allowed(known)) return known;
    // One more than it may hold is as good as any number.
    const most = limits.maxMessages === undefined ? null : limits.maxMessages + 1;
    const [row] = await this.#parts.engine.fast<{ messages: number; bytes: number }>(COUNT, [
      queue,
      most,
    ]);
    const { messages = 0, bytes = 0 } = row ?? {};
    const held = { messages, bytes, countedAt: now, tookMs: performance.now() - now };
    this.#held.set(queue, held);
    return held;
  }
}

function ageAllowed({ tookMs }: Held): number {
  return Math.max(RECOUNT_MS, tookMs * RECOUNT_TIMES);
}

function ageBeforeRefusal({ tookMs }: Held): number {
  return tookMs > QUICK_MS ? tookMs * RECOUNT_TIMES : 0;
}

function sumOf(batch: readonly NewMessage[], queue: string): { messages: number; bytes: number } {
  const some = batch.filter((message) => message.queue === queue);
  return { messages: some.length, bytes: some.reduce((sum, one) => sum + sizeOf(one), 0) };
}

function fits(
  held: Pick<Held, 'messages' | 'bytes'>,
  more: Pick<Held, 'messages' | 'bytes'>,
  { maxMessages = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY }: QueueSettings,
): boolean {
  return held.messages + more.messages <= maxMessages && held.bytes + more.bytes <= maxBytes;
}

/** In SQL, where a message of the queue $1 is stored; to the oldest group, its key may also stand in `rest`. */
const PLACES = `(SELECT coalesce(name, one.queue) AS place,
        CASE WHEN sequence = min(sequence) OVER () THEN one.queue END AS rest
      FROM (VALUES ($1::text)) AS one (queue) LEFT JOIN queue_groups ON queue_groups.queue = one.queue)`;
/** Each state by an index of its own. Of the groups of a queue, the fullest one counts. */
const COUNT: Statement = {
  name: 'count-queue',
  text: `SELECT max(held.messages) AS messages, max(held.bytes) AS bytes
    FROM ${PLACES} AS places
    CROSS JOIN LATERAL (SELECT count(*) AS messages, coalesce(sum(bytes), 0)::bigint AS bytes FROM (
      SELECT bytes FROM messages WHERE queue = place AND state = 'ready'
      UNION ALL SELECT bytes FROM messages WHERE queue = place AND state = 'dead'
      UNION ALL SELECT bytes FROM messages WHERE queue = place AND state = 'delayed'
      UNION ALL SELECT bytes FROM messages WHERE queue = place AND state = 'reserved'
      LIMIT $2::bigint) AS few) AS held`,
};
/** Which keys stand for no message in one place at least. */
const FRESH: Statement = {
  name: 'fresh-keys',
  text: `SELECT given.key FROM unnest($2::text[]) AS given (key)
    WHERE EXISTS (SELECT FROM ${PLACES} AS places
      WHERE NOT EXISTS (SELECT FROM messages
          WHERE queue IN (place, rest) AND messages.key = given.key AND state <> 'dead')
        AND NOT EXISTS (SELECT FROM kept_keys
          WHERE queue IN (place, rest) AND kept_keys.key = given.key AND until > $3::bigint))`,
};
