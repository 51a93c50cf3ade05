import type { NewMessage } from '../message.ts';
import type { SqliteConnection } from './connection.ts';

/** Number of batches after which a process that has sent none is forgotten; bounds the table `producers`. */
const PRODUCERS_KEPT = 16_384;

export function lastNumber(db: SqliteConnection, process: string): number | undefined {
  const row = db.sql('SELECT number FROM producers WHERE process = ?').get([process]);
  return (row as { number: number } | undefined)?.number;
}

/** Keeps the last number of each process in the batch. */
export function remember(db: SqliteConnection, batch: readonly NewMessage[]): void {
  const producers = new Map(batch.map(({ producer }) => [producer?.process, producer?.number]));
  for (const [process, number] of producers) {
    if (process === undefined || number === undefined) continue;
    const sql = 'REPLACE INTO producers (process, number) VALUES (?, ?)';
    const { lastInsertRowid } = db.sql(sql).run([process, number]);
    db.run('DELETE FROM producers WHERE recency <= ?', [Number(lastInsertRowid) - PRODUCERS_KEPT]);
  }
}
