import { REPLIES_KEPT_MS } from '../asks.ts';
import { MAX_FAILURES } from '../failure.ts';
import { PER_MS } from '../positions.ts';

/** Rows that one statement changes. */
export const STEP_ROWS = 1000;

/** In which order the messages of a queue are delivered; its index is messages_ready, or one of those for aging. */
export interface ReadyOrder {
  /** For the names of statements. */
  readonly name: string;
  readonly sql: string;
  /** Whether a row comes before another one. */
  isBefore(row: string, other: string): string;
}

const STRICT: ReadyOrder = {
  name: '',
  sql: 'priority DESC, position, id',
  isBefore: (row, other) =>
    `(${row}.priority, ${other}.position, ${other}.id) > (${other}.priority, ${row}.position, ${row}.id)`,
};

/** As in the SQLite store. @param agingMs undefined: priorities do not age; ms */
export function readyOrder(agingMs: number | undefined): ReadyOrder {
  if (agingMs === undefined) return STRICT;
  const place = (row = '') =>
    `(${row}position - ${row}priority * ${agingMs * PER_MS}::double precision)`;
  return {
    name: '-aged',
    sql: `${place()}, position, id`,
    isBefore: (row, other) =>
      `(${place(`${row}.`)}, ${row}.position, ${row}.id) < (${place(`${other}.`)}, ${other}.position, ${other}.id)`,
  };
}

/** The index for {@link readyOrder}. */
export function agedIndex(agingMs: number): { readonly name: string; readonly on: string } {
  const on = `messages (queue, ${readyOrder(agingMs).sql}) WHERE state = 'ready'`;
  return { name: `messages_aged_${agingMs}`, on };
}

/** The order by priority, for which there is always an index. */
export const FIRST = STRICT.sql;
/** The order in which delayed messages fall due; its index is messages_delayed. */
export const DUE_FIRST = 'due_at, position, id';

/** Counts what a statement has removed as `gone`; its $1 is the id of this broker. */
export const COUNT_REMOVED = `INSERT INTO removed (broker, messages, bytes)
      SELECT $1::uuid, count(*), sum(bytes) FROM gone HAVING count(*) > 0
      ON CONFLICT (broker) DO UPDATE
      SET messages = removed.messages + excluded.messages, bytes = removed.bytes + excluded.bytes`;

/** Milliseconds since the epoch, by the server's clock. */
export const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** Those that nobody has fetched. */
export const FORGET_OLD_REPLIES = `DELETE FROM replies WHERE at < ${NOW} - ${REPLIES_KEPT_MS}`;

/** The failures of a message with one more, as withFailure() has it; null adds none. */
export function appended(failures: string, failure: string): string {
  return `CASE WHEN ${failure} IS NULL THEN ${failures}
        WHEN jsonb_array_length(${failures}) >= ${MAX_FAILURES} THEN ${failures} - 0 || ${failure}
        ELSE coalesce(${failures}, '[]') || ${failure} END`;
}

/** Whether deliveries from a queue are paused, or from the one whose group it is. @param name SQL for its name */
export const isPaused = (name: string) =>
  `EXISTS (SELECT FROM paused WHERE paused.queue IN (${name}, split_part(${name}, '@', 1)))`;

/**
 * Where consumers of the queues $1 find their messages: `name` is what they ask for, `source` where it is. What is in a
 * queue that has groups is for the oldest of them.
 */
export const SOURCES = `(SELECT name, name AS source FROM unnest($1::text[]) AS asked (name)
      WHERE NOT EXISTS (SELECT FROM queue_groups WHERE queue_groups.queue = asked.name)
    UNION ALL
    SELECT own.name, own.queue FROM unnest($1::text[]) AS asked (name) JOIN queue_groups AS own USING (name)
      WHERE NOT EXISTS (SELECT FROM queue_groups AS older
        WHERE older.queue = own.queue AND older.sequence < own.sequence))`;
