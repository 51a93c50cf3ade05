import type { SqliteConnection } from './sqlite-connection.ts';
import { ALL_BUT_BODY, asBytes, type BodilessRow, type Row, storedOf } from './sqlite-rows.ts';
import { DEFAULT_PEEK, type Selection, STATES, type Stored } from './store.ts';

export function peek(db: SqliteConnection, queue: string, selection: Selection): Stored[] {
  let { limit = DEFAULT_PEEK, maxBytes = Number.POSITIVE_INFINITY } = selection;
  const found: Stored[] = [];
  // One state at a time: each has its index.
  for (const state of selection.state ? [selection.state] : STATES) {
    const { where, parameters } = condition(queue, { ...selection, state });
    // Without the bodies, which the driver would read a hundred at once.
    const sql = `SELECT ${ALL_BUT_BODY} FROM messages WHERE ${where} ORDER BY priority DESC, id LIMIT ?`;
    const rows = db.sql(sql).all([...parameters, limit]) as BodilessRow[];
    for (const row of rows) {
      if (maxBytes < 0) return found;
      const body = bodyOf(db, row.id, selection.maxBody);
      maxBytes -= body.length;
      found.push(storedOf(row, body));
    }
    limit -= rows.length;
  }
  return found;
}

export function purge(db: SqliteConnection, queue: string, selection: Selection): number {
  const { limit = Number.MAX_SAFE_INTEGER } = selection;
  const states = selection.state ? [selection.state] : STATES;
  let purged = 0;
  for (const state of states.filter((state) => state !== 'reserved')) {
    const { where, parameters } = condition(queue, { ...selection, state });
    purged += db.run(
      `DELETE FROM messages WHERE id IN (SELECT id FROM messages
      WHERE ${where} ORDER BY priority DESC, id LIMIT ?)`,
      [...parameters, limit - purged],
    );
  }
  return purged;
}

export function kick(db: SqliteConnection, queue: string, selection: Selection): number {
  const { where, parameters } = condition(queue, { ...selection, state: 'dead' });
  return db.run(
    `UPDATE messages SET state = 'ready', spent = 0, expires_at = NULL
    WHERE id IN (SELECT id FROM messages WHERE ${where} ORDER BY priority DESC, id LIMIT ?)`,
    [...parameters, selection.limit ?? -1],
  );
}

/** States are ours, not a user's: written out, so that SQLite finds the index of that state. */
function condition(queue: string, { state, id }: Selection) {
  const where = [
    'queue = ?',
    ...(state === undefined ? [] : [`state = '${state}'`]),
    ...(id === undefined ? [] : ['id = ?']),
  ];
  return { where: where.join(' AND '), parameters: id === undefined ? [queue] : [queue, id] };
}

function bodyOf(db: SqliteConnection, id: number, maxBytes: number | undefined): Uint8Array {
  const sql = 'SELECT substr(body, 1, ifnull(?, length(body))) AS body FROM messages WHERE id = ?';
  const row = db.sql(sql).get([maxBytes ?? null, id]) as Pick<Row, 'body'> | undefined;
  return asBytes(row?.body ?? new Uint8Array());
}
