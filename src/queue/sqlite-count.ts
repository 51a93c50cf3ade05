import type { SqliteConnection } from './sqlite-connection.ts';
import { BYTES } from './sqlite-rows.ts';
import type { State } from './store.ts';
import type { Tally } from './tally.ts';

/** What is known of a reserved message without asking the file. */
export interface Held {
  readonly queue: string;
  readonly attempts: number;
  readonly spent: number;
  readonly releases: number;
  readonly deliveries: number;
  readonly bytes: number;
}

/** Sets `tally` and `held`, by id, to what the file says. @returns the highest position */
export function count(db: SqliteConnection, tally: Tally, held: Map<number, Held>): number {
  const groups = db
    .sql(
      `SELECT queue, state, count(*) AS messages, sum(${BYTES}) AS bytes, max(position) AS position
      FROM messages GROUP BY queue, state`,
    )
    .all() as {
    queue: string;
    state: State;
    messages: number;
    bytes: number;
    position: number;
  }[];
  const reserved = db
    .sql(
      `SELECT id, queue, attempts, spent, releases, deliveries, ${BYTES} AS bytes
      FROM messages WHERE state = 'reserved'`,
    )
    .all() as (Held & { id: number })[];
  const paused = db.sql('SELECT queue FROM paused').all() as { queue: string }[];
  for (const { queue, state, messages, bytes } of groups) tally.add(queue, state, messages, bytes);
  for (const { id, ...row } of reserved) held.set(id, row);
  for (const { queue } of paused) tally.paused.add(queue);
  return groups.reduce((highest, { position }) => Math.max(highest, position), 0);
}
