import { storeErrors } from '../errors.ts';
import { STATES } from '../store.ts';
import type { SqliteConnection } from './connection.ts';
import { asBytes, BYTES } from './rows.ts';
import type { Tally } from './tally.ts';

/** What is known about a reserved message without asking the file. */
export interface ReservedRow {
  readonly queue: string;
  readonly attempts: number;
  readonly spent: number;
  readonly releases: number;
  readonly deliveries: number;
  readonly bytes: number;
  /** Its key is kept once it is done. */
  readonly keepsKey: number;
}

/**
 * Sets `tally` and `held`, by id, to what the file says. All queue names are read here first, and as bytes.
 * @returns the highest position
 * @throws StoreError one of them is damaged
 */
export function loadCounts(
  db: SqliteConnection,
  tally: Tally,
  held: Map<number, ReservedRow>,
): number {
  const groups = db
    .sql(
      `SELECT CAST(queue AS BLOB) AS queue, CAST(state AS BLOB) AS state, count(*) AS messages, sum(${BYTES}) AS bytes, max(position) AS position
      FROM messages GROUP BY messages.queue, messages.state`,
    )
    .all() as {
    queue: Uint8Array;
    state: Uint8Array;
    messages: number;
    bytes: number;
    position: number;
  }[];
  const paused = db.sql('SELECT CAST(queue AS BLOB) AS queue FROM paused').all() as {
    queue: Uint8Array;
  }[];
  const text = (bytes: Uint8Array): string => {
    try {
      return utf8.decode(asBytes(bytes));
    } catch (error) {
      throw storeErrors.damaged(db.path, error);
    }
  };
  for (const { queue, state, messages, bytes } of groups) {
    const known = STATES.find((name) => name === text(state));
    if (!known) throw storeErrors.damaged(db.path, new Error('a message is in no state'));
    tally.add(text(queue), known, messages, bytes);
  }
  for (const { queue } of paused) tally.paused.add(text(queue));
  const sql = 'SELECT CAST(name AS BLOB) AS name FROM queue_groups ORDER BY sequence';
  for (const { name } of db.sql(sql).all() as { name: Uint8Array }[]) tally.groups.add(text(name));
  for (const { id, ...row } of reservedRows(db)) held.set(id, row);
  return groups.reduce((highest, { position }) => Math.max(highest, position), 0);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function reservedRows(db: SqliteConnection): (ReservedRow & { id: number })[] {
  return db
    .sql(
      `SELECT id, queue, attempts, spent, releases, deliveries, ${BYTES} AS bytes,
        key_ttl IS NOT NULL AS keepsKey
      FROM messages WHERE state = 'reserved'`,
    )
    .all() as (ReservedRow & { id: number })[];
}
