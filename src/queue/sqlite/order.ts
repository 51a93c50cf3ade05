import { PER_MS } from '../positions.ts';
import type { SqliteConnection } from './connection.ts';
import type { Row } from './rows.ts';

type Place = Pick<Row, 'priority' | 'position'>;

/** In which order the messages of a queue are handed out. */
export interface ReadyOrder {
  /** For ORDER BY; an index has it. */
  readonly sql: string;
  /** For messages of several queues. */
  compare(a: Place, b: Place): number;
}

const STRICT: ReadyOrder = {
  sql: 'priority DESC, position',
  compare: (a, b) => b.priority - a.priority || a.position - b.position,
};

const NAME = 'messages_aged';

/**
 * A message that has waited for `agingMs` longer goes before one whose priority is one higher. All of them grow older
 * at the same pace, so their order never changes, and an index can have it.
 */
function aged(agingMs: number): ReadyOrder {
  // Floating point, because a priority may be anything up to 2^53; where that rounds, the position decides.
  const perPriority = agingMs * PER_MS;
  const place = ({ priority, position }: Place) => position - priority * perPriority;
  return {
    sql: `(position - priority * ${perPriority}.0), position`,
    compare: (a, b) => place(a) - place(b) || a.position - b.position,
  };
}

/**
 * The order that a broker wants, with its index, which it takes some seconds to make for a million messages.
 * @param agingMs undefined: priorities do not age; ms
 */
export function orderFor(db: SqliteConnection, agingMs: number | undefined): ReadyOrder {
  const order = agingMs === undefined ? STRICT : aged(agingMs);
  const before = indexIn(db);
  const wanted =
    order === STRICT
      ? undefined
      : `CREATE INDEX ${NAME} ON messages (queue, ${order.sql}) WHERE state = 'ready'`;
  if (before === wanted) return order;
  if (before) db.write(`DROP INDEX ${NAME}`, []);
  if (wanted) db.write(wanted, []);
  return order;
}

/** The order of the broker that had the store last, for those who only look at it. */
export function orderOf(db: SqliteConnection): ReadyOrder {
  const [, perPriority] = /priority \* (\d+)\.0/.exec(indexIn(db) ?? '') ?? [];
  return perPriority === undefined ? STRICT : aged(Number(perPriority) / PER_MS);
}

/** What made the index for aging; undefined: there is none. */
function indexIn(db: SqliteConnection): string | undefined {
  const sql = "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?";
  return (db.sql(sql).get([NAME]) as { sql: string } | undefined)?.sql;
}
