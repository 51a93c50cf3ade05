import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Notification, QueryResultRow } from 'pg';
import { type StoreAway, StoreError } from '../errors.ts';
import type { PostgresAddress } from './address.ts';
import { PostgresConnection, type Statement } from './connection.ts';
import { ConnectionLost, codeOf, postgresErrors } from './errors.ts';
import { ANYTHING, channelOf, merged, type News, newsOf, payloadOf } from './news.ts';

/** Pauses between attempts to connect again; ms. */
const BACKOFF = { first: 50, most: 5000 };
/** How long to wait until the server has ended what a lost connection was at; ms. */
const ENDING_MS = 5000;
const ENDING_LOOK_MS = 20;
/** How often to look for work where the server notifies nobody; ms. */
const POLL_MS = 1000;
/** The same where it does: what a broker had to tell may be lost with it; ms. */
const LOOK_MS = 60_000;
/** Serialization failures, deadlocks, a key that somebody else was faster with: another try gets over them. */
const AGAIN = new Set(['40001', '40P01', '23505']);
const MAX_TRIES = 3;

/** Two connections, because not every commit has to wait for the disk, nor one for the other. */
export interface Connections {
  readonly durable: PostgresConnection;
  readonly fast: PostgresConnection;
}

export interface EngineOptions {
  readonly address: PostgresAddress;
  /** Connected, for the first time or again, and nobody else asks anything yet. */
  prepare(connections: Connections): Promise<void>;
  onNews(news: News): void;
  onAway(error: StoreAway): void;
  onBack(): void;
}

/** The connections to the server: they come back by themselves. */
export class PostgresEngine {
  readonly #options: EngineOptions;
  #now: Connections | undefined;
  /** Of connections that were lost, as far as the server may still be at work for them. */
  readonly #before = new Set<string>();
  #away: StoreAway | undefined;
  #isClosed = false;
  readonly #closing = new AbortController();
  #connecting: Promise<void> | undefined;
  #application = '';
  #poll: NodeJS.Timeout | undefined;
  #isPolling = false;
  #telling: Promise<void> | undefined;
  #untold: News | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** @throws StoreError */
  async open(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /** Whether the server does not notify us: it is asked now and then. */
  get isPolling(): boolean {
    return this.#isPolling;
  }

  /** @throws StoreError */
  async durable<R extends QueryResultRow>(statement: Statement, values: unknown[]): Promise<R[]> {
    return this.#run(() => this.#connections().durable.run<R>(statement, values));
  }

  /** @throws StoreError */
  async fast<R extends QueryResultRow>(statement: Statement, values: unknown[]): Promise<R[]> {
    return this.#run(() => this.#connections().fast.run<R>(statement, values));
  }

  /** Several statements, which are one transaction; they have no values. @throws StoreError */
  async durableAll(text: string): Promise<void> {
    await this.#run(() => this.#connections().durable.ask(text));
  }

  /** @returns whether the connection is there after so many ms at most */
  async isBackIn(ms: number): Promise<boolean> {
    await Promise.race([this.#connecting, sleep(ms, undefined, { ref: false })]);
    return this.#now !== undefined;
  }

  /** Tells the other brokers; what is to be told meanwhile is told together. */
  tell(news: News): void {
    this.#untold = merged(this.#untold, news);
    this.#telling ??= this.#tell().finally(() => {
      this.#telling = undefined;
    });
  }

  /** What is known of the store may be wrong: connects again. */
  drop(why: string): void {
    this.#onLost(new ConnectionLost(new Error(why)));
  }

  async close(): Promise<void> {
    await this.#telling;
    this.#isClosed = true;
    this.#closing.abort();
    await this.#connecting;
    clearInterval(this.#poll);
    const now = this.#now;
    this.#now = undefined;
    await Promise.all([now?.fast.close(), now?.durable.close()]);
  }

  #connections(): Connections {
    if (!this.#now) throw this.#away ?? this.#explained(new Error('the broker is closing'));
    return this.#now;
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (!AGAIN.has(codeOf(error) ?? '') || tries === MAX_TRIES) throw this.#explained(error);
      }
    }
  }

  #explained(error: unknown): StoreError {
    if (error instanceof StoreError) return error;
    const { name } = this.#options.address;
    if (!(error instanceof ConnectionLost)) return postgresErrors.failed(name, error);
    const away = postgresErrors.away(name, error);
    away.wasAsked = true;
    return away;
  }

  async #connect(): Promise<void> {
    const { address, prepare, onNews } = this.#options;
    const application = `sigmq ${randomUUID()}`;
    const channel = channelOf(address);
    const connections: PostgresConnection[] = [];
    let isReady = false;
    const onLost = (error: ConnectionLost) => {
      if (isReady) this.#onLost(error);
    };
    const onNotification = ({ channel: on, payload = '' }: Notification) => {
      if (on === channel) onNews(newsOf(payload, application));
    };
    try {
      const options = { address, application, onLost };
      const durable = await PostgresConnection.open({ ...options, commit: 'durable' });
      connections.push(durable);
      const fast = await PostgresConnection.open({ ...options, commit: 'fast', onNotification });
      connections.push(fast);
      this.#application = application;
      await this.#endBefore(durable);
      await prepare({ durable, fast });
      if (!fast.isPooled) await fast.ask(`LISTEN "${channel}"`);
      this.#setPolling(fast.isPooled);
      if (durable.isLost || fast.isLost) throw new ConnectionLost(new Error('lost at once'));
      this.#now = { durable, fast };
      isReady = true;
      this.#away = undefined;
    } catch (error) {
      this.#before.add(application);
      for (const connection of connections) connection.destroy();
      throw error;
    }
  }

  /** What a lost connection was at must not happen later: after we have looked whether it has happened. */
  async #endBefore(connection: PostgresConnection): Promise<void> {
    const until = Date.now() + ENDING_MS;
    while (this.#before.size > 0) {
      const left = await connection.ask(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = ANY($1) AND usename = current_user`,
        [[...this.#before]],
      );
      if (left.length === 0) break;
      if (Date.now() > until)
        throw new ConnectionLost(
          new Error('it is still busy with what an earlier connection has asked'),
        );
      await sleep(ENDING_LOOK_MS);
    }
    this.#before.clear();
  }

  #onLost(error: ConnectionLost): void {
    if (!this.#now || this.#isClosed) return;
    const { durable, fast } = this.#now;
    this.#now = undefined;
    this.#before.add(this.#application);
    durable.destroy();
    fast.destroy();
    this.#away = postgresErrors.away(this.#options.address.name, error);
    this.#options.onAway(this.#away);
    this.#connecting = this.#connectAgain();
  }

  async #connectAgain(): Promise<void> {
    for (let pause = BACKOFF.first; !this.#isClosed; pause = Math.min(pause * 2, BACKOFF.most)) {
      try {
        await this.#connect();
        this.#options.onBack();
        return;
      } catch (error) {
        this.#away = postgresErrors.away(this.#options.address.name, error);
      }
      const { signal } = this.#closing;
      await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
    }
  }

  #setPolling(isOn: boolean): void {
    clearInterval(this.#poll);
    this.#isPolling = isOn;
    const look = () => this.#options.onNews(ANYTHING);
    this.#poll = setInterval(look, isOn ? POLL_MS : LOOK_MS);
  }

  async #tell(): Promise<void> {
    // Whatever else is to be told in this turn.
    await Promise.resolve();
    while (this.#untold && this.#now) {
      const news = this.#untold;
      this.#untold = undefined;
      const values = [channelOf(this.#options.address), payloadOf(news, this.#application)];
      // One that is lost is made up for: brokers tell the others to look whenever they have connected.
      await this.#now.fast.run(NOTIFY, values).catch(() => {});
    }
    this.#untold = undefined;
  }
}

const NOTIFY: Statement = { name: 'notify', text: 'SELECT pg_notify($1, $2)' };
