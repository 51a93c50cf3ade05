import { randomUUID } from 'node:crypto';
import type { QueryResultRow } from 'pg';
import { StoreError } from '../errors.ts';
import { failuresOf } from '../failure.ts';
import { newGroups } from '../groups.ts';
import { sizeOf } from '../message.ts';
import { Queues, settingsOf } from '../queue-settings.ts';
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
import { type PostgresAddress, parseAddress } from './address.ts';
import { PostgresConnection } from './connection.ts';
import { ConnectionLost, postgresErrors } from './errors.ts';
import { NOBODY } from './membership.ts';
import { ANYTHING, channelOf, payloadOf } from './news.ts';
import { headersOf } from './rows.ts';
import { openSchema } from './schema.ts';
import { NOW } from './sql.ts';

/** Messages read at a time. */
const PAGE = 256;

type StoredRow = TransferRow & {
  readonly body: Uint8Array;
  readonly headers: string | null;
  readonly key: string | null;
  readonly dead_to: string | null;
  readonly failures: unknown;
  readonly asker: string | null;
};

/** Reads a store as of one moment, while brokers work on it. @throws StoreError */
export async function readPostgres<T>(
  url: string,
  use: (content: Content) => Promise<T>,
): Promise<T> {
  const address = parseAddress(url, process.env);
  return explained(address, async () => {
    const connection = await open(address);
    try {
      await connection.ask('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      return await use(await contentOf(connection, address.name));
    } finally {
      await connection.close();
    }
  });
}

async function contentOf(connection: PostgresConnection, name: string): Promise<Content> {
  const paused = await connection.ask<{ queue: string }>(
    'SELECT queue FROM paused ORDER BY queue',
    [],
  );
  const producers = await connection.ask<LastNumber & { [key: string]: unknown }>(
    'SELECT process, number FROM producers ORDER BY at, process',
    [],
  );
  const keys = await connection.ask<KeptKey & { [key: string]: unknown }>(
    'SELECT queue, key, until FROM kept_keys ORDER BY until',
    [],
  );
  // A store that only an earlier sigmq has opened has none.
  const [has] = await connection.ask<{ queues: boolean }>(
    "SELECT to_regclass('queues') IS NOT NULL AS queues",
    [],
  );
  const groups = has?.queues
    ? await connection.ask<{ name: string }>('SELECT name FROM queue_groups ORDER BY sequence', [])
    : [];
  const queues = has?.queues
    ? await connection.ask<{ queue: string; settings: unknown }>(
        'SELECT queue, settings FROM queues ORDER BY queue',
        [],
      )
    : [];
  const own = has?.queues
    ? 'max_attempts, backoff, dead_to, died_at, failures, asker'
    : 'NULL AS max_attempts, NULL AS backoff, NULL AS dead_to, NULL AS died_at, NULL AS failures, NULL AS asker';
  return {
    name,
    keys,
    queues: queues.map(({ queue, settings }) => ({ queue, settings: settingsOf(settings) })),
    groups: groups.map(({ name }) => name),
    paused: paused.map(({ queue }) => queue),
    producers,
    async *messages() {
      for (let last = 0; ; ) {
        const rows = await connection.ask<StoredRow>(
          `SELECT id, queue, state, priority, position, body, headers, attempts, spent, releases, deliveries,
          enqueued_at, due_at, expires_at, key, key_ttl, ${own} FROM messages WHERE id > $1 ORDER BY id LIMIT ${PAGE}`,
          [last],
        );
        if (rows.length === 0) return;
        last = rows.at(-1)?.id ?? last;
        yield rows.map((row) => {
          const { body, key, dead_to: deadTo, asker } = row;
          const failures = failuresOf(row.failures);
          const headers = headersOf(row.headers);
          return transferredOf(row, { body, headers, key, deadTo, failures, asker });
        });
      }
    },
  };
}

/** Opens a store to which brokers may be connected: they hear of what was added. @throws StoreError */
export async function writePostgres(url: string): Promise<Target> {
  const address = parseAddress(url, process.env);
  return explained(address, async () => {
    const connection = await open(address);
    await openSchema(connection, address);
    await connection.ask('BEGIN');
    return new PostgresTarget(connection, address);
  });
}

class PostgresTarget implements Target {
  readonly #connection: PostgresConnection;
  readonly #address: PostgresAddress;
  #messages = 0;
  #bytes = 0;

  constructor(connection: PostgresConnection, address: PostgresAddress) {
    this.#connection = connection;
    this.#address = address;
  }

  pause(queues: readonly string[]): Promise<void> {
    const sql = 'INSERT INTO paused SELECT unnest($1::text[]) ON CONFLICT (queue) DO NOTHING';
    return this.#ask(sql, [queues]);
  }

  remember(producers: readonly LastNumber[]): Promise<void> {
    const sql = `INSERT INTO producers (process, number, at) SELECT *, ${NOW} FROM unnest($1::text[], $2::bigint[])
      ON CONFLICT (process) DO UPDATE SET number = excluded.number`;
    return this.#ask(sql, [
      producers.map(({ process }) => process),
      producers.map(({ number }) => number),
    ]);
  }

  keep(keys: readonly KeptKey[]): Promise<void> {
    const sql = `INSERT INTO kept_keys (queue, key, until) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
      ON CONFLICT (queue, key) DO NOTHING`;
    return this.#ask(sql, [
      keys.map(({ queue }) => queue),
      keys.map(({ key }) => key),
      keys.map(({ until }) => until),
    ]);
  }

  async set(all: readonly SetQueue[]): Promise<void> {
    const queues = new Queues();
    // Nobody changes them until all is there.
    const rows = await this.#rows<{ queue: string; settings: unknown }>(
      'WITH turn AS (UPDATE store SET settings_version = settings_version + 1) SELECT queue, settings FROM queues',
    );
    queues.replace(rows.map(({ queue, settings }) => [queue, settingsOf(settings)]));
    for (const { queue, settings } of all) {
      if (queues.all.has(queue) || !queues.endsWith(queue, settings)) continue;
      queues.set(queue, settings);
      const sql =
        'INSERT INTO queues (queue, settings) VALUES ($1, $2) ON CONFLICT (queue) DO NOTHING';
      await this.#ask(sql, [queue, JSON.stringify(settings)]);
    }
  }

  async addGroups(names: readonly string[]): Promise<void> {
    const known = await this.#rows<{ name: string }>('SELECT name FROM queue_groups');
    const added = newGroups(
      known.map(({ name }) => name),
      names,
    );
    const sql = `INSERT INTO queue_groups (queue, name) SELECT split_part(name, '@', 1), name
      FROM unnest($1::text[]) AS given (name) ON CONFLICT (name) DO NOTHING`;
    await this.#ask(sql, [added]);
  }

  async add(messages: readonly Transferred[]): Promise<void> {
    for (const one of messages) {
      const bytes = sizeOf(one);
      this.#messages++;
      this.#bytes += bytes;
      await this.#ask(
        `INSERT INTO messages (queue, state, priority, position, body, headers, attempts, spent, releases,
        deliveries, enqueued_at, due_at, expires_at, bytes, key_ttl, max_attempts, backoff, dead_to, died_at, failures,
        asker, key)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $17, $18, $19,
          CASE WHEN $2 = 'dead' THEN coalesce($20, ${NOW}) END, $21::jsonb, $22,
          CASE WHEN $2 = 'dead' OR NOT EXISTS (SELECT FROM messages
            WHERE queue = $1 AND key = $16::text AND state <> 'dead') THEN $16::text END)`,
        [
          ...[one.queue, one.state, one.priority, one.position, Buffer.from(one.body)],
          one.headers.length > 0 ? JSON.stringify(one.headers) : null,
          ...[one.attempts, one.spent, one.releases, one.deliveries],
          ...[one.enqueuedAt, one.dueAt, one.expiresAt, bytes, one.keyTtlMs, one.key],
          ...[one.maxAttempts, one.backoffMs, one.deadTo, one.diedAt],
          one.failures.length > 0 ? JSON.stringify(one.failures) : null,
          one.asker,
        ],
      );
    }
  }

  async end(): Promise<void> {
    await this.#ask(
      `INSERT INTO published (broker, number, messages, bytes) VALUES ('${NOBODY}', 0, $1, $2)
      ON CONFLICT (broker) DO UPDATE SET messages = published.messages + excluded.messages,
        bytes = published.bytes + excluded.bytes`,
      [this.#messages, this.#bytes],
    );
    await this.#ask('SELECT pg_notify($1, $2)', [channelOf(this.#address), payloadOf(ANYTHING)]);
    await this.#ask('COMMIT', []);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #ask(sql: string, values: unknown[]): Promise<void> {
    await this.#rows(sql, values);
  }

  #rows<R extends QueryResultRow>(sql: string, values: unknown[] = []): Promise<R[]> {
    return explained(this.#address, () => this.#connection.ask<R>(sql, values));
  }
}

async function open(address: PostgresAddress): Promise<PostgresConnection> {
  const application = `sigmq ${randomUUID()}`;
  const connection = await PostgresConnection.open({
    ...{ address, application, commit: 'durable' },
    onLost: () => {}, // who asks hears of it
  });
  if (connection.isPooled) {
    await connection.close();
    throw postgresErrors.needsSession(address.name);
  }
  // What is copied may come from a pipe.
  await connection.ask('SET idle_in_transaction_session_timeout = 0');
  return connection;
}

async function explained<T>(address: PostgresAddress, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConnectionLost) throw postgresErrors.away(address.name, error);
    const isServers = 'severity' in Object(error) && !(error instanceof StoreError);
    throw isServers ? postgresErrors.failed(address.name, error) : error;
  }
}
