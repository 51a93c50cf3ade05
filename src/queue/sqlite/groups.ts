import { storeErrors } from '../errors.ts';
import { newGroups } from '../groups.ts';
import { STATES } from '../message.ts';
import type { Store } from '../store.ts';
import type { SqliteConnection } from './connection.ts';
import type { ReservedRow } from './count.ts';
import type { SqliteInspection } from './inspection.ts';
import { BYTES } from './rows.ts';
import type { Removed, Tally } from './tally.ts';

export interface SqliteGroupsOptions {
  readonly db: SqliteConnection;
  readonly tally: Tally;
  /** What is reserved, by id. */
  readonly reserved: Map<number, ReservedRow>;
  readonly inspection: Pick<SqliteInspection, 'purge'>;
}

/** The groups of the queues in the file. */
export class SqliteGroups implements Pick<Store, 'addGroups' | 'groups' | 'removeGroup'> {
  readonly #options: SqliteGroupsOptions;

  constructor(options: SqliteGroupsOptions) {
    this.#options = options;
  }

  async addGroups(names: readonly string[]): Promise<void> {
    const { db, tally } = this.#options;
    const added = newGroups(tally.groups.names, names);
    if (added.length === 0) return;
    db.transaction(() => {
      for (const name of added) db.run('INSERT INTO queue_groups (name) VALUES (?)', [name]);
    });
    db.fsyncSoon();
    for (const name of added) tally.groups.add(name);
  }

  async groups(): Promise<readonly string[]> {
    return this.#options.tally.groups.names;
  }

  async removeGroup(name: string): Promise<number> {
    const { db, tally, reserved, inspection } = this.#options;
    if (!tally.groups.has(name)) throw storeErrors.noGroup(name);
    const purged = await inspection.purge(name);
    // It goes with the last of its messages: also those that were published meanwhile, and those that are held.
    const gone = db.transaction(() => {
      db.run('DELETE FROM queue_groups WHERE name = ?', [name]);
      db.run('DELETE FROM paused WHERE queue = ?', [name]);
      db.run('DELETE FROM kept_keys WHERE queue = ?', [name]);
      return STATES.flatMap((state) => {
        const sql = `DELETE FROM messages WHERE queue = ? AND state = '${state}'
          RETURNING id, queue, state, ${BYTES} AS bytes`;
        return db.sql(sql).all([name]) as (Removed & { id: number })[];
      });
    });
    for (const { id } of gone) reserved.delete(id);
    tally.forget(gone);
    tally.paused.delete(name);
    tally.groups.delete(name);
    return purged + gone.length;
  }
}
