import { type Asked, type Asks, REPLIES_KEPT_MS, type Replied, type Reply } from '../asks.ts';
import type { MessageState } from '../message.ts';
import type { SqliteConnection } from './connection.ts';
import { asBytes, asText } from './rows.ts';

/** Replies that wait for those who asked. */
export class SqliteAsks implements Asks {
  readonly #db: SqliteConnection;
  readonly #sweep: () => void;

  /** @param sweep makes due messages ready and removes expired ones */
  constructor(db: SqliteConnection, sweep: () => void) {
    this.#db = db;
    this.#sweep = sweep;
  }

  /** Within a transaction: a message is gone, or dead. @param now ms since the epoch */
  keep({ asker, ifGone, ifDead }: Replied, became: 'gone' | 'dead', now: number): void {
    const content = became === 'gone' ? ifGone : ifDead;
    this.#db.run('INSERT OR IGNORE INTO replies (asker, content, at) VALUES (?, ?, ?)', [
      ...[asker, Buffer.from(content), now],
    ]);
    this.#db.run('DELETE FROM replies WHERE at < ?', [now - REPLIES_KEPT_MS]);
  }

  /** The same for whoever asked this one, which is about to go. */
  keepOf(id: number, ifGone: Uint8Array, now: number): void {
    const sql =
      'SELECT CAST(asker AS BLOB) AS asker FROM messages WHERE id = ? AND asker IS NOT NULL';
    const row = this.#db.sql(sql).get([id]) as { asker: Uint8Array } | undefined;
    if (row) this.keep({ asker: asText(row.asker), ifGone, ifDead: ifGone }, 'gone', now);
  }

  async repliesAt(place: string, limit: number): Promise<string[]> {
    const sql = `SELECT CAST(asker AS BLOB) AS asker FROM replies
      WHERE substr(asker, instr(asker, ' ') + 1) = ? ORDER BY rowid LIMIT ?`;
    const rows = this.#db.try(() => this.#db.sql(sql).all([place, limit]));
    return (rows as { asker: Uint8Array }[]).map(({ asker }) => asText(asker));
  }

  async reply(asker: string): Promise<Reply | undefined> {
    const sql = 'SELECT content FROM replies WHERE asker = ?';
    const row = this.#db.try(() => this.#db.sql(sql).get([asker]));
    return row ? { asker, content: asBytes((row as { content: Uint8Array }).content) } : undefined;
  }

  async forgetReplies(askers: readonly string[]): Promise<void> {
    this.#db.together(() => {
      for (const asker of askers) this.#db.run('DELETE FROM replies WHERE asker = ?', [asker]);
    });
  }

  async asked(asker: string): Promise<Asked | undefined> {
    return this.#db.try(() => {
      this.#sweep();
      if (this.#db.sql('SELECT 1 FROM replies WHERE asker = ?').get([asker])) return 'answered';
      const sql = 'SELECT CAST(state AS BLOB) AS state FROM messages WHERE asker = ?';
      const row = this.#db.sql(sql).get([asker]) as { state: Uint8Array } | undefined;
      return row && (asText(row.state) as MessageState);
    });
  }
}
