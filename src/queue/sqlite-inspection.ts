import { type SqliteConnection, STEP_ROWS } from './sqlite-connection.ts';
import {
  ALL_BUT_BODY,
  asBytes,
  type BodilessRow,
  BYTES,
  type Row,
  storedOf,
} from './sqlite-rows.ts';
import { DEFAULT_PEEK, type MessageState, type Selection, STATES, type Stored } from './store.ts';

/** In which order the messages of a state are looked at, removed and kicked; each but `reserved` by its index. */
const ORDER: Record<MessageState, string> = {
  ready: 'priority DESC, position',
  delayed: 'due_at, position',
  reserved: 'id',
  dead: 'priority DESC, id',
};

export function peek(db: SqliteConnection, queue: string, selection: Selection): Stored[] {
  let { limit = DEFAULT_PEEK } = selection;
  const { skip = 0 } = selection;
  const found: Stored[] = [];
  for (const state of selection.state ? [selection.state] : STATES) {
    const { where, parameters } = condition(queue, state, selection.ids);
    // Without the bodies, which the driver would read a hundred at once.
    const sql = `SELECT ${ALL_BUT_BODY} FROM messages WHERE ${where} ORDER BY ${ORDER[state]}
      LIMIT ? OFFSET ?`;
    const rows = db.sql(sql).all([...parameters, limit, skip]) as BodilessRow[];
    found.push(...rows.map((row) => storedOf(row, bodyOf(db, row.id, selection))));
    limit -= rows.length;
  }
  return found;
}

export interface Removed {
  readonly queue: string;
  readonly state: MessageState;
  readonly bytes: number;
}

/** Removes up to {@link STEP_ROWS} messages of a state. */
export function purgeSome(
  db: SqliteConnection,
  queue: string,
  state: MessageState,
  { ids, limit = STEP_ROWS }: Selection,
): Removed[] {
  const { where, parameters } = condition(queue, state, ids);
  const sql = `DELETE FROM messages WHERE id IN (
    SELECT id FROM messages WHERE ${where} ORDER BY ${ORDER[state]} LIMIT ?
  ) RETURNING queue, state, ${BYTES} AS bytes`;
  return db.sql(sql).all([...parameters, Math.min(limit, STEP_ROWS)]) as Removed[];
}

/** Makes up to {@link STEP_ROWS} dead messages ready. @returns how many */
export function kickSome(
  db: SqliteConnection,
  queue: string,
  { ids, limit = STEP_ROWS }: Selection,
  position: number,
): number {
  const { where, parameters } = condition(queue, 'dead', ids);
  return db.run(
    `UPDATE messages SET state = 'ready', spent = 0, due_at = NULL, expires_at = NULL, position = ? + chosen.n
    FROM (SELECT id, row_number() OVER (ORDER BY ${ORDER.dead}) AS n FROM messages
      WHERE ${where} ORDER BY ${ORDER.dead} LIMIT ?) AS chosen
    WHERE messages.id = chosen.id`,
    [position, ...parameters, Math.min(limit, STEP_ROWS)],
  );
}

/**
 * States are ours, not a user's: written out, so that SQLite finds the index of that state. With ids it is to find
 * those, whatever else there is: a plus sign keeps it from other indexes (https://sqlite.org/queryplanner-ng.html).
 */
function condition(queue: string, state: MessageState, ids: readonly number[] | undefined) {
  if (ids === undefined) return { where: `queue = ? AND state = '${state}'`, parameters: [queue] };
  return {
    where: `id IN (SELECT value FROM json_each(?)) AND +queue = ? AND +state = '${state}'`,
    parameters: [JSON.stringify(ids), queue],
  };
}

function bodyOf(
  db: SqliteConnection,
  id: number,
  { fromByte = 0, maxBody }: Selection,
): Uint8Array {
  const sql = 'SELECT substr(body, ?, ifnull(?, length(body))) AS body FROM messages WHERE id = ?';
  const row = db.sql(sql).get([fromByte + 1, maxBody ?? null, id]) as Pick<Row, 'body'> | undefined;
  return asBytes(row?.body ?? new Uint8Array());
}
