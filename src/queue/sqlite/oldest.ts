import { MAX_PRIORITIES, takenAt } from '../positions.ts';
import type { SqliteConnection } from './connection.ts';
import type { Row } from './rows.ts';

/**
 * Since when the message that has been ready longest is ready, ms since 1970: only the first message of each
 * priority matters.
 */
export function oldest(db: SqliteConnection, queue: string): number | undefined {
  const sql = `SELECT priority, position FROM messages
    WHERE queue = ? AND state = 'ready' AND priority < ? ORDER BY priority DESC, position LIMIT 1`;
  let below = Number.MAX_SAFE_INTEGER + 1;
  let least: number | undefined;
  for (let n = 0; n < MAX_PRIORITIES; n++) {
    const head = db.sql(sql).get([queue, below]) as Pick<Row, 'priority' | 'position'> | undefined;
    if (!head) break;
    least = Math.min(least ?? head.position, head.position);
    below = head.priority;
  }
  return least === undefined ? undefined : takenAt(least);
}
