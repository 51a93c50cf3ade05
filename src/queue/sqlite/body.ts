import type { BodyPart } from '../inspection.ts';
import type { SqliteConnection } from './connection.ts';
import { asBytes, type Row } from './rows.ts';

/** A part of the body of a message, or all of it. */
export function bodyOf(
  db: SqliteConnection,
  id: number,
  { fromByte = 0, maxBody }: BodyPart,
): Uint8Array {
  const sql = 'SELECT substr(body, ?, ifnull(?, length(body))) AS body FROM messages WHERE id = ?';
  const row = db.sql(sql).get([fromByte + 1, maxBody ?? null, id]) as Pick<Row, 'body'> | undefined;
  return asBytes(row?.body ?? new Uint8Array());
}
