import { MAX_FAILURES } from '../failure.ts';

/** Rows that one statement changes. */
export const STEP_ROWS = 1000;

/** The order in which messages of a queue are delivered; its index is messages_ready. */
export const FIRST = 'priority DESC, position, id';
/** The order in which delayed messages fall due; its index is messages_delayed. */
export const DUE_FIRST = 'due_at, position, id';

/** Counts what a statement has removed as `gone`; its $1 is the id of this broker. */
export const COUNT_REMOVED = `INSERT INTO removed (broker, messages, bytes)
      SELECT $1::uuid, count(*), sum(bytes) FROM gone HAVING count(*) > 0
      ON CONFLICT (broker) DO UPDATE
      SET messages = removed.messages + excluded.messages, bytes = removed.bytes + excluded.bytes`;

/** Milliseconds since the epoch, by the server's clock. */
export const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** The failures of a message with one more, as withFailure() has it; null adds none. */
export function appended(failures: string, failure: string): string {
  return `CASE WHEN ${failure} IS NULL THEN ${failures}
        WHEN jsonb_array_length(${failures}) >= ${MAX_FAILURES} THEN ${failures} - 0 || ${failure}
        ELSE coalesce(${failures}, '[]') || ${failure} END`;
}
