import { storeErrors } from '../errors.ts';
import { STATES } from '../message.ts';
import type { Held } from '../settlement.ts';
import type { SqliteConnection } from './connection.ts';
import { asBytes, BYTES, ownOf, type Row, textOrNull } from './rows.ts';
import type { Tally } from './tally.ts';

/** What is known about a reserved message without asking the file. */
export interface ReservedRow extends Held {
  readonly bytes: number;
  /** Its key is kept once it is done. */
  readonly keepsKey: boolean;
}

type HeldColumns = Pick<
  Row,
  | 'queue'
  | 'attempts'
  | 'spent'
  | 'releases'
  | 'deliveries'
  | 'consumer'
  | 'max_attempts'
  | 'backoff'
  | 'dead_to'
  | 'key_ttl'
>;

export function heldOf(row: HeldColumns, bytes: number): ReservedRow {
  const { queue, attempts, spent, releases, deliveries } = row;
  return {
    ...{ queue, attempts, spent, releases, deliveries, bytes },
    consumer: textOrNull(row.consumer),
    ...ownOf(row),
    keepsKey: row.key_ttl !== null,
  };
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
  for (const row of reservedRows(db)) held.set(row.id, heldOf(row, row.bytes));
  const sql = 'SELECT CAST(name AS BLOB) AS name FROM queue_groups ORDER BY sequence';
  for (const { name } of db.sql(sql).all() as { name: Uint8Array }[]) tally.groups.add(text(name));
  return groups.reduce((highest, { position }) => Math.max(highest, position), 0);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function reservedRows(db: SqliteConnection): (HeldColumns & { id: number; bytes: number })[] {
  return db
    .sql(
      `SELECT id, queue, attempts, spent, releases, deliveries, CAST(consumer AS BLOB) AS consumer, max_attempts,
        backoff, CAST(dead_to AS BLOB) AS dead_to, key_ttl, ${BYTES} AS bytes
      FROM messages WHERE state = 'reserved'`,
    )
    .all() as (HeldColumns & { id: number; bytes: number })[];
}
