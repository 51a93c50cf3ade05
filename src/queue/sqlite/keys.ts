import type { Copy } from '../groups.ts';
import type { Published } from '../message.ts';
import type { SqliteConnection } from './connection.ts';

/** No two messages of a queue with the same key, unless they are dead. */
export class Keys {
  readonly #db: SqliteConnection;

  constructor(db: SqliteConnection) {
    this.#db = db;
  }

  /** The message that stands for the key of another; undefined: that one may be stored. @param now ms since the epoch */
  standing({ message: { queue, key }, alsoIn }: Copy, now: number): Published | undefined {
    if (key === undefined) return undefined;
    return (
      this.#standingIn(queue, key, now) ??
      (alsoIn === undefined ? undefined : this.#standingIn(alsoIn, key, now))
    );
  }

  #standingIn(queue: string, key: string, now: number): Published | undefined {
    const id = this.holder(queue, key);
    if (id !== undefined) return { id, isDuplicate: true };
    const sql = 'SELECT message FROM kept_keys WHERE queue = ? AND key = ? AND until > ?';
    const kept = this.#db.sql(sql).get([queue, key, now]) as { message: number | null } | undefined;
    return kept && { id: kept.message, isDuplicate: true };
  }

  /** The message of a queue that has this key, and is not dead. */
  holder(queue: string, key: string): number | undefined {
    const sql = "SELECT id FROM messages WHERE queue = ? AND key = ? AND state <> 'dead'";
    return (this.#db.sql(sql).get([queue, key]) as { id: number } | undefined)?.id;
  }

  /** Within a transaction: this message is done, and about to go. */
  keep(id: number, now: number): void {
    this.#db.run(
      `REPLACE INTO kept_keys (queue, key, message, until)
      SELECT queue, key, id, ? + key_ttl FROM messages WHERE id = ? AND key_ttl IS NOT NULL`,
      [Math.ceil(now), id],
    );
  }

  /** Within a transaction: forgets those whose time is over. */
  forget(now: number): void {
    this.#db.run('DELETE FROM kept_keys WHERE until <= ?', [now]);
  }
}
