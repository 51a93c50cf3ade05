import type { BodyPart, ById, Changed, Edit, Stored } from '../inspection.ts';
import type { MessageState } from '../message.ts';
import { bodyOf } from './body.ts';
import type { SqliteConnection } from './connection.ts';
import type { Keys } from './keys.ts';
import { ALL_BUT_BODY, asText, type BodilessRow, BYTES, type Row, storedOf } from './rows.ts';
import type { Removed, Tally } from './tally.ts';
import type { Timetable } from './timetable.ts';

export interface SqliteByIdOptions {
  readonly db: SqliteConnection;
  readonly tally: Tally;
  readonly timetable: Timetable;
  readonly keys: Keys;
  /** Milliseconds since the epoch. */
  now(): number;
  /** The position for a message that becomes ready now; takes the `count` positions after it as well. */
  position(count: number): number;
}

/** What has to be known of a message to remove or change it. */
interface Known extends Removed, Pick<Row, 'key'> {
  readonly id: number;
  readonly priority: number;
  readonly position: number;
  readonly due_at: number | null;
  readonly expires_at: number | null;
}

/** Single messages in the file. */
export class SqliteById implements ById {
  readonly #options: SqliteByIdOptions;

  constructor(options: SqliteByIdOptions) {
    this.#options = options;
  }

  async find(id: number, part: BodyPart = {}): Promise<Stored | undefined> {
    const { db, timetable, now } = this.#options;
    return db.try(() => {
      timetable.sweep(now());
      const sql = `SELECT ${ALL_BUT_BODY} FROM messages WHERE id = ?`;
      const row = db.sql(sql).get([id]) as BodilessRow | undefined;
      return row && storedOf(row, bodyOf(db, id, part), true);
    });
  }

  async remove(ids: readonly number[]): Promise<Changed[]> {
    return this.#each(ids, 'remove', (known) => this.#remove(known));
  }

  async edit(ids: readonly number[], edit: Edit): Promise<Changed[]> {
    return this.#each(ids, 'change', (known) => this.#edit(known, edit));
  }

  /** In steps of which each is done or not done as a whole. */
  #each(
    ids: readonly number[],
    how: 'remove' | 'change',
    change: (known: readonly Known[]) => ReadonlyMap<number, Changed>,
  ): Changed[] {
    const { db, timetable, now } = this.#options;
    db.try(() => timetable.sweep(now()));
    const changed: Changed[] = [];
    while (changed.length < ids.length) {
      const some = ids.slice(changed.length, changed.length + db.stepRows(how));
      const results = change(this.#known(some));
      changed.push(...some.map((id) => results.get(id) ?? 'missing'));
    }
    return changed;
  }

  #known(ids: readonly number[]): Known[] {
    const { db } = this.#options;
    const sql = `SELECT id, queue, state, priority, position, due_at, expires_at, CAST(key AS BLOB) AS key,
        ${BYTES} AS bytes
      FROM messages WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`;
    return db.try(() => db.sql(sql).all([JSON.stringify(ids)])) as Known[];
  }

  #remove(known: readonly Known[]): Map<number, Changed> {
    const { db, tally } = this.#options;
    const gone = known.filter(({ state }) => state !== 'reserved');
    db.transaction(() => {
      for (const { id } of gone) db.run('DELETE FROM messages WHERE id = ?', [id]);
    });
    tally.forget(gone);
    return new Map(known.map(({ id, state }) => [id, state === 'reserved' ? 'held' : 'done']));
  }

  #edit(known: readonly Known[], edit: Edit): Map<number, Changed> {
    const { db, tally, timetable, keys, now, position } = this.#options;
    const at = now();
    const first = position(known.length);
    const results = new Map<number, Changed>(
      known.map((message) => [message.id, fitness(message, edit, at)]),
    );
    const fit = known
      .filter(({ id }) => results.get(id) === 'done')
      .map((message, n) => ({ message, ...edited(message, edit, at, first + 1 + n) }));
    const after = db.transaction(() =>
      fit.filter(({ message: { id, key, ...before }, queue, priority, state, position, dueAt }) => {
        const isTaken =
          key !== null && queue !== before.queue && keys.holder(queue, asText(key)) !== undefined;
        if (isTaken) results.set(id, 'duplicate');
        else db.run(UPDATE, [queue, priority, state, position, dueAt, id]);
        return !isTaken;
      }),
    );
    for (const { message, queue, state, dueAt } of after) {
      tally.add(queue, state, 1, message.bytes);
      tally.add(message.queue, message.state, -1, -message.bytes);
      if (dueAt !== null) timetable.addDue(dueAt);
    }
    return results;
  }
}

const UPDATE =
  'UPDATE messages SET queue = ?, priority = ?, state = ?, position = ?, due_at = ? WHERE id = ?';

function fitness({ state, expires_at }: Known, { delayMs = 0 }: Edit, now: number): Changed {
  if (state === 'reserved') return 'held';
  if (state === 'dead') return 'dead';
  return delayMs > 0 && expires_at !== null && now + delayMs >= expires_at ? 'expires' : 'done';
}

interface Edited {
  readonly queue: string;
  readonly priority: number;
  readonly state: MessageState;
  readonly position: number;
  readonly dueAt: number | null;
}

/** @param last the position of a message that becomes ready */
function edited(message: Known, edit: Edit, now: number, last: number): Edited {
  const { queue = message.queue, priority = message.priority, delayMs } = edit;
  const { state, position, due_at: dueAt } = message;
  if (delayMs === undefined) return { queue, priority, state, position, dueAt };
  if (delayMs > 0) {
    return { queue, priority, state: 'delayed', position, dueAt: Math.ceil(now + delayMs) };
  }
  const at = state === 'delayed' ? last : position;
  return { queue, priority, state: 'ready', position: at, dueAt: null };
}
