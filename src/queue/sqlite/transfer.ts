import Database from 'libsql';
import { cannotOpen, StoreError, storeErrors } from '../errors.ts';
import { newGroups } from '../groups.ts';
import { Queues } from '../queue-settings.ts';
import {
  type Content,
  type KeptKey,
  type LastNumber,
  type SetQueue,
  type Target,
  type TransferRow,
  type Transferred,
  transferredOf,
} from '../transfer.ts';
import { SqliteConnection } from './connection.ts';
import { openSqliteFile, type SqliteFile } from './file.ts';
import { Keys } from './keys.ts';
import { assertDescriptors, assertFileSize, LOG_INDEX_BYTES } from './limits.ts';
import { identify, loadSettings, SETTINGS, type SettingsRow, settingsIn } from './opening.ts';
import { asBytes, failuresIn, headersOf, type Row, textOrNull } from './rows.ts';
import { APPLICATION_ID } from './schema.ts';

/** A broker that moves its log into the file locks the file for a moment; ms. */
const BUSY_MS = 10_000;
/** The version of the schema that brought keys. */
const KEYS_SINCE = 3;
/** The one that brought groups, settings of queues, failures and askers. */
const QUEUES_SINCE = 4;
/** Messages read at a time. */
const PAGE = 256;

/**
 * Reads a store, also while a broker works on it, which is not disturbed.
 * @throws StoreError
 */
export async function readSqlite<T>(
  path: string,
  use: (content: Content) => Promise<T>,
): Promise<T> {
  let db: Database.Database | undefined;
  assertDescriptors();
  assertFileSize(path, LOG_INDEX_BYTES);
  try {
    db = new Database(path, { readonly: true, fileMustExist: true });
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    const { application_id: id } = db.prepare('PRAGMA application_id').get() as never;
    if (id !== APPLICATION_ID) throw storeErrors.notAStore(path);
    db.exec('BEGIN'); // everything as of the first read
    return await use(contentOf(db, path));
  } catch (error) {
    const isSqlite = /^(UNKNOWN_)?SQLITE_/.test(String((error as { code?: unknown }).code));
    throw isSqlite ? cannotOpen(path, error) : error;
  } finally {
    db?.close();
  }
}

type StoredRow = TransferRow &
  Pick<Row, 'body' | 'headers' | 'key' | 'dead_to' | 'failures' | 'asker'>;

function contentOf(db: Database.Database, name: string): Content {
  const paused = db.prepare('SELECT queue FROM paused ORDER BY queue').all() as { queue: string }[];
  const producers = db.prepare('SELECT process, number FROM producers ORDER BY recency').all();
  // A store that only an earlier sigmq has opened has none.
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as never;
  const [key, keyTtl] = version < KEYS_SINCE ? ['NULL', 'NULL'] : ['CAST(key AS BLOB)', 'key_ttl'];
  const keys =
    version < KEYS_SINCE
      ? []
      : db.prepare('SELECT queue, key, until FROM kept_keys ORDER BY until').all();
  const own =
    version < QUEUES_SINCE
      ? 'NULL AS max_attempts, NULL AS backoff, NULL AS dead_to, NULL AS died_at, NULL AS failures, NULL AS asker'
      : `max_attempts, backoff, CAST(dead_to AS BLOB) AS dead_to, died_at, CAST(failures AS BLOB) AS failures, CAST(asker AS BLOB) AS asker`;
  const queues = new Queues();
  if (version >= QUEUES_SINCE)
    queues.replace(settingsIn(db.prepare(SETTINGS).all() as SettingsRow[]));
  const groups =
    version < QUEUES_SINCE
      ? []
      : db.prepare('SELECT name FROM queue_groups ORDER BY sequence').all();
  const page =
    db.prepare(`SELECT id, queue, state, priority, position, body, CAST(headers AS BLOB) AS headers,
    attempts, spent, releases, deliveries, enqueued_at, due_at, expires_at, ${key} AS key, ${keyTtl} AS key_ttl,
    ${own}
    FROM messages WHERE id > ? ORDER BY id LIMIT ${PAGE}`);
  return {
    name,
    paused: paused.map(({ queue }) => queue),
    producers: producers as LastNumber[],
    keys: keys as KeptKey[],
    queues: [...queues.all].map(([queue, settings]) => ({ queue, settings })),
    groups: (groups as { name: string }[]).map(({ name }) => name),
    async *messages() {
      for (let last = 0; ; ) {
        const rows = page.all([last]) as StoredRow[];
        if (rows.length === 0) return;
        last = rows.at(-1)?.id ?? last;
        yield rows.map((row) => {
          const key = textOrNull(row.key);
          const deadTo = textOrNull(row.dead_to);
          const headers = headersOf(row.headers);
          const failures = failuresIn(row.failures);
          const asker = textOrNull(row.asker);
          const body = asBytes(row.body);
          return transferredOf(row, { body, headers, key, deadTo, failures, asker });
        });
      }
    },
  };
}

/** Opens a store that no broker has. @throws StoreError */
export function writeSqlite(folder: string): Target {
  const file = openSqliteFile(folder);
  try {
    return new SqliteTarget(file);
  } catch (error) {
    file.close();
    throw error instanceof StoreError ? error : storeErrors.failed(file.path, error);
  }
}

class SqliteTarget implements Target {
  readonly #file: SqliteFile;
  readonly #keys: Keys;
  readonly #queues = new Queues();

  constructor(file: SqliteFile) {
    this.#file = file;
    const db = new SqliteConnection(file, 'always');
    this.#keys = new Keys(db);
    identify(db);
    loadSettings(db, this.#queues);
    file.db.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE');
  }

  async pause(queues: readonly string[]): Promise<void> {
    for (const queue of queues)
      this.#run('INSERT OR IGNORE INTO paused (queue) VALUES (?)', [queue]);
  }

  async remember(producers: readonly LastNumber[]): Promise<void> {
    for (const { process, number } of producers)
      this.#run('REPLACE INTO producers (process, number) VALUES (?, ?)', [process, number]);
  }

  async keep(keys: readonly KeptKey[]): Promise<void> {
    const sql = 'INSERT OR IGNORE INTO kept_keys (queue, key, until) VALUES (?, ?, ?)';
    for (const { queue, key, until } of keys) this.#run(sql, [queue, key, until]);
  }

  async set(queues: readonly SetQueue[]): Promise<void> {
    for (const { queue, settings } of queues) {
      if (this.#queues.all.has(queue) || !this.#queues.endsWith(queue, settings)) continue;
      this.#queues.set(queue, settings);
      const sql = 'INSERT OR IGNORE INTO queues (queue, settings) VALUES (?, ?)';
      this.#run(sql, [queue, JSON.stringify(settings)]);
    }
  }

  async addGroups(names: readonly string[]): Promise<void> {
    const sql = 'SELECT name FROM queue_groups ORDER BY sequence';
    const known = this.#try(() => this.#file.db.prepare(sql).all()) as { name: string }[];
    const added = newGroups(
      known.map(({ name }) => name),
      names,
    );
    for (const name of added) this.#run('INSERT INTO queue_groups (name) VALUES (?)', [name]);
  }

  async add(messages: readonly Transferred[]): Promise<void> {
    const sql = `INSERT INTO messages (queue, state, priority, position, body, headers, attempts, spent,
      releases, deliveries, enqueued_at, due_at, expires_at, key, key_ttl,
      max_attempts, backoff, dead_to, died_at, failures, asker)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
    for (const one of messages) {
      const { queue, state, key, keyTtlMs } = one;
      const isTaken =
        key !== null &&
        state !== 'dead' &&
        this.#try(() => this.#keys.holder(queue, key)) !== undefined;
      const headers = one.headers.length > 0 ? JSON.stringify(one.headers) : null;
      this.#run(sql, [
        ...[queue, state, one.priority, one.position, Buffer.from(one.body), headers],
        ...[one.attempts, one.spent, one.releases, one.deliveries],
        ...[one.enqueuedAt, one.dueAt, one.expiresAt, isTaken ? null : key, keyTtlMs],
        ...[one.maxAttempts, one.backoffMs, one.deadTo],
        state === 'dead' ? (one.diedAt ?? Date.now()) : null,
        one.failures.length > 0 ? JSON.stringify(one.failures) : null,
        one.asker,
      ]);
    }
  }

  async end(): Promise<void> {
    this.#try(() => this.#file.db.exec('COMMIT'));
  }

  async close(): Promise<void> {
    if (this.#file.db.inTransaction) this.#file.db.exec('ROLLBACK');
    this.#file.close();
  }

  #run(sql: string, parameters: readonly unknown[]): void {
    this.#try(() => this.#file.db.prepare(sql).run([...parameters]));
  }

  #try<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeErrors.failed(this.#file.path, error);
    }
  }
}
