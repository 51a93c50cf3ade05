import { queueOfGroup } from '../../options/groups.ts';
import { storeErrors } from '../errors.ts';
import { newGroups } from '../groups.ts';
import { STATES } from '../message.ts';
import type { Store } from '../store.ts';
import type { Statement } from './connection.ts';
import { postgresErrors } from './errors.ts';
import { HEARTBEAT_MS } from './membership.ts';
import { SCHEMA_VERSION } from './schema.ts';
import { COUNT_REMOVED, NOW } from './sql.ts';
import type { Parts } from './timetable.ts';

export interface GroupsParts extends Parts {
  readonly name: string;
  /** Removes what is in a queue and not held. @returns how many messages */
  purge(queue: string): Promise<number>;
}

/** The groups of the queues in the database. */
export class PostgresGroups implements Pick<Store, 'addGroups' | 'groups' | 'removeGroup'> {
  readonly #parts: GroupsParts;

  constructor(parts: GroupsParts) {
    this.#parts = parts;
  }

  async addGroups(names: readonly string[]): Promise<void> {
    const { engine, name } = this.#parts;
    const added = newGroups(await this.groups(), names);
    if (added.length === 0) return;
    const [older] = await engine.durable<{ host: string; dir: string }>(OLDER, []);
    if (older) throw postgresErrors.olderBroker(name, older.host, older.dir);
    await engine.durable(ADD, [added.map(queueOfGroup), added]);
    this.#changed();
  }

  async groups(): Promise<readonly string[]> {
    const rows = await this.#parts.engine.durable<{ name: string }>(GROUPS, []);
    return rows.map(({ name }) => name);
  }

  async removeGroup(name: string): Promise<number> {
    const { engine, members, purge } = this.#parts;
    if (!(await this.groups()).includes(name)) throw storeErrors.noGroup(name);
    const purged = await purge(name);
    const held = await engine.durable<{ id: number }>(HELD, [name]);
    await engine.durableAll(removal(name, members.id));
    this.#changed();
    return purged + held.length;
  }

  /** Who finds its messages where may be another. */
  #changed(): void {
    const { engine, ready } = this.#parts;
    ready.forget('all');
    engine.tell({ queues: 'all' });
  }
}

const GROUPS: Statement = {
  name: 'groups',
  text: 'SELECT name FROM queue_groups ORDER BY sequence',
};
const ADD: Statement = {
  name: 'add-groups',
  text: `INSERT INTO queue_groups (queue, name) SELECT * FROM unnest($1::text[], $2::text[])
    ON CONFLICT (name) DO NOTHING`,
};
/** A broker that would store messages of a queue for none of its groups, and that may be running. */
const OLDER: Statement = {
  name: 'older-brokers',
  text: `SELECT host, dir FROM brokers WHERE knows < ${SCHEMA_VERSION} AND seen_at > ${NOW} - ${3 * HEARTBEAT_MS} LIMIT 1`,
};
const HELD: Statement = {
  name: 'held-of-group',
  text: `SELECT id FROM messages WHERE queue = $1 AND state = 'reserved'`,
};

/**
 * The lock waits for what is being published, so that nothing arrives for a group that is gone; what is published next
 * sees that it is gone (https://www.postgresql.org/docs/current/explicit-locking.html). Nothing in a name needs to be
 * quoted.
 */
function removal(name: string, broker: string): string {
  const gone = STATES.map(
    (
      state,
    ) => `WITH gone AS (DELETE FROM messages WHERE queue = '${name}' AND state = '${state}' RETURNING bytes)
    ${COUNT_REMOVED.replace('$1::uuid', `'${broker}'::uuid`)};`,
  );
  return `LOCK TABLE messages IN SHARE ROW EXCLUSIVE MODE;
    ${gone.join('\n')}
    DELETE FROM kept_keys WHERE queue = '${name}';
    DELETE FROM paused WHERE queue = '${name}';
    DELETE FROM queue_groups WHERE name = '${name}';`;
}
