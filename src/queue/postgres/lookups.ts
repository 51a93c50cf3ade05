import { MAX_PRIORITIES, takenAt } from '../positions.ts';
import type { Store } from '../store.ts';
import type { Statement } from './connection.ts';
import { limitedSources, nothingIn, openings, room } from './openings.ts';
import { FIRST, isPaused } from './sql.ts';
import type { Parts } from './timetable.ts';

/** What the broker asks about its messages, other than for themselves. */
export class Lookups
  implements Pick<Store, 'lastNumber' | 'hasReady' | 'oldest' | 'delayedUntil' | 'isEmpty'>
{
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async lastNumber(process: string): Promise<number | undefined> {
    const [row] = await this.#parts.engine.durable<{ number: number }>(LAST_NUMBER, [process]);
    return row?.number;
  }

  async hasReady(queues: readonly string[]): Promise<boolean> {
    await this.#parts.timetable.sweep();
    const { ready, engine, settings } = this.#parts;
    const limitsOf = await settings.known();
    const open = openings(this.#parts, queues).map(({ queue }) => queue);
    if (open.some((queue) => ready.get(queue))) return true;
    const unknown = open.filter((queue) => ready.get(queue) === undefined);
    if (unknown.length === 0) return false;
    const since = ready.version;
    const limits = unknown.map((queue) => limitsOf.of(queue).concurrency ?? null);
    const rows = await engine.fast<{ queue: string }>(HAS_READY, [unknown, limits]);
    const found = new Set(rows.map(({ queue }) => queue));
    ready.learn([...found], true, since);
    const without = unknown.filter((queue) => !found.has(queue));
    nothingIn(this.#parts, without, since);
    return found.size > 0;
  }

  async oldest(queue: string): Promise<number | undefined> {
    const [row] = await this.#parts.engine.fast<{ position: number | null }>(OLDEST, [queue]);
    return row?.position == null ? undefined : this.#parts.clock.toHost(takenAt(row.position));
  }

  async delayedUntil(): Promise<number | undefined> {
    const [row] = await this.#parts.engine.fast<{ at: number | null }>(DELAYED_UNTIL, []);
    return row?.at == null ? undefined : this.#parts.clock.toHost(row.at);
  }

  async isEmpty(withPaused: boolean): Promise<boolean> {
    const [row] = await this.#parts.engine.fast<{ empty: boolean }>(IS_EMPTY, [withPaused]);
    return row?.empty === true;
  }
}

const LAST_NUMBER: Statement = {
  name: 'last-number',
  text: 'SELECT number FROM producers WHERE process = $1',
};
const HAS_READY: Statement = {
  name: 'has-ready',
  text: `WITH asked AS (SELECT name, concurrency, 1 AS by_rate FROM unnest($1::text[], $2::bigint[]) AS all_of (name, concurrency))
    SELECT DISTINCT asked AS queue FROM ${limitedSources('asked')} AS limited
    WHERE ${room('limited')} > 0 AND EXISTS (SELECT FROM messages WHERE queue = limited.name AND state = 'ready')
    AND NOT ${isPaused('limited.name')}`,
};
const OLDEST: Statement = {
  name: 'oldest',
  text: `WITH RECURSIVE heads AS (
      (SELECT priority, position, 1 AS n FROM messages WHERE queue = $1 AND state = 'ready'
        ORDER BY ${FIRST} LIMIT 1)
      UNION ALL
      SELECT below.* FROM heads CROSS JOIN LATERAL (SELECT priority, position, heads.n + 1 FROM messages
        WHERE queue = $1 AND state = 'ready' AND priority < heads.priority
        ORDER BY ${FIRST} LIMIT 1) AS below WHERE heads.n < ${MAX_PRIORITIES})
    SELECT min(position) AS position FROM heads`,
};
const DELAYED_UNTIL: Statement = {
  name: 'delayed-until',
  text: `SELECT due_at AS at FROM messages WHERE state = 'delayed' ORDER BY due_at DESC, position DESC, id DESC LIMIT 1`,
};
const IS_EMPTY: Statement = {
  name: 'is-empty',
  text: `SELECT NOT EXISTS (SELECT FROM messages WHERE state = 'reserved')
    AND NOT EXISTS (SELECT FROM messages WHERE state IN ('ready', 'delayed')
      AND ($1 OR NOT ${isPaused('messages.queue')})) AS empty`,
};
