import type { SqliteConnection } from './sqlite-connection.ts';
import type { NewMessage } from './store.ts';

/** Batches after which a process that has sent none is forgotten; bounds the table `producers`. */
const PRODUCERS_KEPT = 16_384;

export function lastSeq(db: SqliteConnection, process: string): number | undefined {
  const row = db.sql('SELECT seq FROM producers WHERE process = ?').get([process]);
  return (row as { seq: number } | undefined)?.seq;
}

/** Keeps the last sequence number of each process in the batch. */
export function remember(db: SqliteConnection, batch: readonly NewMessage[]): void {
  const producers = new Map(batch.map(({ producer }) => [producer?.process, producer?.seq]));
  for (const [process, seq] of producers) {
    if (process === undefined || seq === undefined) continue;
    const sql = 'REPLACE INTO producers (process, seq) VALUES (?, ?)';
    const { lastInsertRowid } = db.sql(sql).run([process, seq]);
    db.run('DELETE FROM producers WHERE recency <= ?', [Number(lastInsertRowid) - PRODUCERS_KEPT]);
  }
}
