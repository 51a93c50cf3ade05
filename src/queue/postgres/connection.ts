import type { Client, ClientConfig, Notification, QueryResultRow } from 'pg';
import { Serial } from '../../serial.ts';
import { StoreError } from '../errors.ts';
import type { PostgresAddress } from './address.ts';
import { clients, cutOff, isShared } from './driver.ts';
import { ConnectionLost, codeOf, postgresErrors } from './errors.ts';

const CONNECT_MS = 5000;
/** An answer that takes longer does not come any more; ms. */
const ANSWER_MS = 10_000;
/** The same for an index of many millions; ms. */
const PATIENCE_MS = 3_600_000;
/** The server gives up before us, so that we know what became of it; ms. */
const STATEMENT_MS = 8000;
/** A network that was cut is noticed in about 10 s also while nothing is asked. */
const KEEPALIVE = { idleS: 5, intervalS: 2, count: 3 };

/** `durable`: a commit is on the disk when it is answered. `fast`: a crash of the server may undo it. */
type Commit = 'durable' | 'fast';

/** A statement, prepared once for each connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

interface Query {
  readonly name?: string;
  readonly text: string;
  readonly values?: unknown[];
  readonly query_timeout?: number;
}

export interface ConnectionOptions {
  readonly address: PostgresAddress;
  readonly commit: Commit;
  /** Seen in pg_stat_activity; tells the connections of one broker from all others. */
  readonly application: string;
  onLost(error: ConnectionLost): void;
  onNotification?(notification: Notification): void;
}

/** A connection to the first of the hosts that takes writes. What is asked is asked in order. */
export class PostgresConnection {
  readonly #client: Client;
  /** What a statement depends on, said for the session, or again in each transaction. */
  #settings = '';
  /** Every transaction may have another connection to the server: a pooler is in between. */
  #isPooled = false;
  /** One question at a time. */
  readonly #turns = new Serial();
  #sayLost: (error: ConnectionLost) => void = () => {};
  readonly #whenLost = new Promise<never>((_resolve, reject) => {
    this.#sayLost = reject;
  });
  readonly #onLost: (error: ConnectionLost) => void;
  #lost: ConnectionLost | undefined;

  /** @throws ConnectionLost no host can be used; the reason of the last one. StoreError it can never be */
  static async open(options: ConnectionOptions): Promise<PostgresConnection> {
    let last: unknown = new Error('no host is named');
    for (const host of options.address.hosts) {
      for (const ssl of options.address.ssl) {
        try {
          return await PostgresConnection.#openAt({ ...host, ssl }, options);
        } catch (error) {
          if (error instanceof StoreError) throw error;
          last = error;
        }
      }
    }
    throw last instanceof ConnectionLost ? last : new ConnectionLost(last);
  }

  static async #openAt(
    at: Pick<ClientConfig, 'host' | 'port' | 'ssl'>,
    options: ConnectionOptions,
  ): Promise<PostgresConnection> {
    const { address, application } = options;
    const { user, database } = address;
    const make = await clients({
      ...{ ...at, user, database, application_name: application },
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: ANSWER_MS,
      keepAliveInitialDelayMillis: KEEPALIVE.idleS * 1000,
    });
    const client = make();
    const connection = new PostgresConnection(client, options);
    try {
      await client.connect();
      await connection.#prepare(options, make);
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  private constructor(client: Client, options: ConnectionOptions) {
    this.#client = client;
    this.#onLost = options.onLost;
    this.#whenLost.catch(() => {}); // whoever asks hears of it
    client.on('error', (error) => this.#lose(error));
    client.on('end', () => this.#lose(new Error('the server has ended the connection')));
    if (options.onNotification) client.on('notification', options.onNotification);
  }

  /** Whether nobody notifies it, and nothing but a transaction is its own. */
  get isPooled(): boolean {
    return this.#isPooled;
  }

  /**
   * Plans stay right without statistics, and nothing waits for ever
   * (https://www.postgresql.org/docs/current/runtime-config-query.html).
   */
  async #prepare({ address, commit }: ConnectionOptions, make: () => Client): Promise<void> {
    const [server] = await this.ask<{ reads: boolean; commits: string; encoding: string }>(
      `SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS reads,
        current_setting('synchronous_commit') AS commits, current_setting('server_encoding') AS encoding`,
    );
    if (server?.reads !== false)
      throw new Error(
        'the server only reads: it is a standby, or default_transaction_read_only is on',
      );
    if (server.encoding !== 'UTF8') throw postgresErrors.notUtf8(address.name, server.encoding);
    const isWeak = server.commits === 'off' || server.commits === 'local';
    const commits = commit === 'fast' ? 'off' : isWeak ? 'on' : server.commits;
    this.#settings = `
      SET LOCAL synchronous_commit = ${commits}; SET LOCAL search_path = "${address.schema}";
      SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off;
      SET LOCAL jit = off; SET LOCAL statement_timeout = ${STATEMENT_MS}; SET LOCAL lock_timeout = ${STATEMENT_MS};
      SET LOCAL idle_in_transaction_session_timeout = ${STATEMENT_MS}; SET LOCAL client_min_messages = error;`;
    this.#isPooled = await isShared(this.#client, make);
    if (this.#isPooled) return;
    await this.ask(`${this.#settings.replaceAll('SET LOCAL', 'SET')}
      SET tcp_keepalives_idle = ${KEEPALIVE.idleS}; SET tcp_keepalives_interval = ${KEEPALIVE.intervalS};
      SET tcp_keepalives_count = ${KEEPALIVE.count}; SET tcp_user_timeout = ${ANSWER_MS};
      -- An idle broker stays connected; servers before 14 do not know it.
      SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'`);
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** @throws ConnectionLost nobody knows what became of it; another error of the driver: it was refused */
  run<R extends QueryResultRow>({ name, text }: Statement, values: unknown[] = []): Promise<R[]> {
    return this.#ask<R>({ name, text, values });
  }

  /** As {@link run}, for what is asked once. Without values it may be several statements. */
  ask<R extends QueryResultRow>(text: string, values?: unknown[]): Promise<R[]> {
    return this.#ask<R>(values ? { text, values } : { text });
  }

  /** As {@link ask}, for what may take minutes, and when nobody else asks anything: with a pooler in between, no longer than anything else. */
  async askPatiently(text: string): Promise<void> {
    if (this.#isPooled) {
      await this.ask(text);
      return;
    }
    await this.ask('SET statement_timeout = 0');
    try {
      await this.#ask({ text, query_timeout: PATIENCE_MS });
    } finally {
      await this.ask(`SET statement_timeout = ${STATEMENT_MS}`);
    }
  }

  async #ask<R extends QueryResultRow>(query: Query): Promise<R[]> {
    try {
      return await this.#turns.add(() => this.#askNow<R>(query));
    } catch (error) {
      if (this.#lost) throw this.#lost;
      if (!endsConnection(error)) throw error;
      throw this.#lose(error);
    }
  }

  async #askNow<R extends QueryResultRow>(query: Query): Promise<R[]> {
    if (this.#lost) throw this.#lost;
    const answer = this.#isPooled
      ? this.#askInTransaction<R>(query)
      : this.#client.query<R>(query).then(({ rows }) => rows);
    // The driver may forget to answer what it was asked when its connection broke.
    return Promise.race([answer, this.#whenLost]);
  }

  /** Three questions for one, and nothing prepared: the next transaction is somebody else's. */
  async #askInTransaction<R extends QueryResultRow>({ text, values }: Query): Promise<R[]> {
    await this.#client.query(`BEGIN; ${this.#settings}`);
    try {
      const { rows } = await this.#client.query<R>(values ? { text, values } : { text });
      await this.#client.query('COMMIT');
      return rows;
    } catch (error) {
      if (!endsConnection(error)) await this.#client.query('ROLLBACK');
      throw error;
    }
  }

  /** Answers what was asked, and ends. */
  async close(): Promise<void> {
    if (this.#lost) return;
    this.#lost = new ConnectionLost(new Error('the broker is closing'));
    const timer = setTimeout(() => this.destroy(), CONNECT_MS);
    await this.#client.end().catch(() => {});
    clearTimeout(timer);
    this.destroy();
  }

  /** What was asked is not answered any more. */
  destroy(): void {
    this.#lost ??= new ConnectionLost(new Error('the connection was given up'));
    this.#sayLost(this.#lost);
    cutOff(this.#client);
  }

  #lose(error: unknown): ConnectionLost {
    if (this.#lost) return this.#lost;
    this.#lost = new ConnectionLost(error);
    this.destroy();
    this.#onLost(this.#lost);
    return this.#lost;
  }
}

/**
 * Anything but a refusal of the statement: classes 08 (connection), 57P (shutdown), 25006 (it has become a standby),
 * and whatever has no SQLSTATE, such as an answer that did not come in time.
 */
function endsConnection(error: unknown): boolean {
  const code = codeOf(error);
  const isServers = code !== undefined && /^[0-9A-Z]{5}$/.test(code) && 'severity' in Object(error);
  return !isServers || /^(08|57P)/.test(code) || code === '25006';
}
