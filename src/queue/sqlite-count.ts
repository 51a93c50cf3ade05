import type { SqliteConnection } from './sqlite-connection.ts';
import { BYTES } from './sqlite-rows.ts';
import type { State } from './store.ts';
import type { Tally } from './tally.ts';

interface Group {
  readonly queue: string;
  readonly state: State;
  readonly messages: number;
  readonly bytes: number;
}

/** What is known of a reserved message without asking the file. */
export interface Held {
  readonly queue: string;
  readonly spent: number;
  readonly bytes: number;
}

/** Sets `tally` and `held`, by id, to what the file says. */
export function count(db: SqliteConnection, tally: Tally, held: Map<number, Held>): void {
  const all = groups(db, 'true', []);
  const reserved = db
    .sql(`SELECT id, queue, spent, ${BYTES} AS bytes FROM messages WHERE state = 'reserved'`)
    .all() as (Held & { id: number })[];
  const paused = db.sql('SELECT queue FROM paused').all() as { queue: string }[];
  // Only now, when all of it could be read.
  tally.clear();
  held.clear();
  for (const { queue, state, messages, bytes } of all) tally.add(queue, state, messages, bytes);
  for (const { id, queue, spent, bytes } of reserved) held.set(id, { queue, spent, bytes });
  for (const { queue } of paused) tally.paused.add(queue);
}

export function groups(
  db: SqliteConnection,
  where: string,
  parameters: readonly unknown[],
): Group[] {
  const sql = `SELECT queue, state, count(*) AS messages, sum(${BYTES}) AS bytes
    FROM messages WHERE ${where} GROUP BY queue, state`;
  return db.sql(sql).all([...parameters]) as Group[];
}
