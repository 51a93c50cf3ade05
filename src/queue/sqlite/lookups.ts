import { MAX_PRIORITIES, takenAt } from '../positions.ts';
import type { Store } from '../store.ts';
import type { SqliteConnection } from './connection.ts';
import type { SqliteDeliveries } from './deliveries.ts';
import { lastNumber } from './producers.ts';
import type { Row } from './rows.ts';
import type { Tally } from './tally.ts';

export interface LookupsOptions {
  readonly db: SqliteConnection;
  readonly tally: Tally;
  readonly deliveries: Pick<SqliteDeliveries, 'gives'>;
  /** Makes due messages ready and removes expired ones. */
  sweep(): void;
}

/** What the broker asks about its messages, other than for themselves. */
export class SqliteLookups
  implements Pick<Store, 'lastNumber' | 'hasReady' | 'oldest' | 'delayedUntil' | 'isEmpty'>
{
  readonly #options: LookupsOptions;

  constructor(options: LookupsOptions) {
    this.#options = options;
  }

  async lastNumber(process: string): Promise<number | undefined> {
    const { db } = this.#options;
    return db.try(() => lastNumber(db, process));
  }

  async hasReady(queues: readonly string[]): Promise<boolean> {
    const { db, deliveries, sweep } = this.#options;
    db.try(sweep);
    return deliveries.gives(queues);
  }

  async oldest(queue: string): Promise<number | undefined> {
    const { db } = this.#options;
    return db.try(() => oldest(db, queue));
  }

  async delayedUntil(): Promise<number | undefined> {
    const { db } = this.#options;
    const sql = "SELECT max(due_at) AS at FROM messages WHERE state = 'delayed'";
    const row = db.try(() => db.sql(sql).get()) as { at: number | null };
    return row.at ?? undefined;
  }

  async isEmpty(withPaused: boolean): Promise<boolean> {
    const { db, tally, sweep } = this.#options;
    db.try(sweep);
    return tally.isEmpty(withPaused);
  }
}

/** Only the first message of each priority matters. */
function oldest(db: SqliteConnection, queue: string): number | undefined {
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
