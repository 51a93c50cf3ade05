import { steadyMs } from '../../clock.ts';
import type { EngineStatus } from '../engine-status.ts';
import { Positions, takenAt } from '../positions.ts';
import type {
  DeliveryName,
  NewMessage,
  QueueCounts,
  Reservation,
  Reserved,
  Selection,
  Settled,
  Settlement,
  Store,
  Stored,
  StoreListener,
  StorePolicy,
} from '../store.ts';
import { type PostgresAddress, parseAddress } from './address.ts';
import { engineStatus } from './check.ts';
import type { Statement } from './connection.ts';
import { Deliveries } from './deliveries.ts';
import { type Connections, type News, PostgresEngine } from './engine.ts';
import { postgresErrors } from './errors.ts';
import { PostgresInspection } from './inspection.ts';
import { Membership, type Place } from './membership.ts';
import { Publisher } from './publish.ts';
import { Ready } from './ready.ts';
import { openSchema } from './schema.ts';
import { ServerClock } from './server-clock.ts';
import { Timetable } from './timetable.ts';

/** If a queue uses more priorities, only the highest ones are examined: one step into an index each. */
const MAX_PRIORITIES = 64;

export interface PostgresOptions {
  readonly url: string;
  readonly policy: StorePolicy;
  readonly place: Place;
  /** After this, others give away what a broker holds that says nothing; ms. */
  readonly leaseMs: number;
  /** Instead of the server's clock; ms since the epoch. */
  readonly now?: () => number;
}

/** Keeps messages in a PostgreSQL database, which brokers of several hosts share. */
export class PostgresStore implements Store {
  readonly name: string;
  #identity = '';
  #incarnation = 0;
  readonly #clock: ServerClock;
  readonly #engine: PostgresEngine;
  readonly #members: Membership;
  readonly #ready = new Ready();
  readonly #positions = new Positions(0);
  readonly #timetable: Timetable;
  readonly #deliveries: Deliveries;
  readonly #publisher: Publisher;
  readonly #inspection: PostgresInspection;
  readonly #address: PostgresAddress;
  #listener: StoreListener | undefined;

  /** @throws StoreError */
  static async open(options: PostgresOptions): Promise<PostgresStore> {
    const store = new PostgresStore(options);
    try {
      await store.#engine.open();
      store.#incarnation = store.#members.incarnation;
      store.#members.start(store.#engine);
      return store;
    } catch (error) {
      await store.#engine.close();
      throw error;
    }
  }

  private constructor({ url, policy, place, leaseMs, now }: PostgresOptions) {
    const address = parseAddress(url, process.env);
    this.#address = address;
    this.name = address.name;
    const clock = new ServerClock(now ?? steadyMs, now === undefined);
    this.#clock = clock;
    const engine = new PostgresEngine({
      address,
      prepare: (connections) => this.#prepare(connections),
      onNews: (news) => this.#onNews(news),
      onAway: (error) => this.#listener?.({ kind: 'away', error }),
      onBack: () => this.#listener?.({ kind: 'back' }),
    });
    this.#engine = engine;
    const holds = () => this.#deliveries.any;
    this.#members = new Membership({ name: this.name, place, leaseMs, clock, holds });
    const members = this.#members;
    const ready = this.#ready;
    const position = (count: number) => this.#positions.take(clock.now(), count);
    const { maxAttempts, deadExpired } = policy;
    this.#timetable = new Timetable({
      ...{ engine, clock, ready, members, maxAttempts, deadExpired, position },
    });
    const shared = { engine, members, policy, clock, ready, timetable: this.#timetable, position };
    this.#deliveries = new Deliveries(shared);
    this.#publisher = new Publisher({ ...shared, name: this.name });
    this.#inspection = new PostgresInspection(shared);
  }

  get identity(): string {
    return this.#identity;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  subscribe(listener: StoreListener): void {
    this.#listener = listener;
  }

  publish(batch: readonly NewMessage[]): Promise<number[]> {
    return this.#publisher.publish(batch);
  }

  async lastNumber(process: string): Promise<number | undefined> {
    const [row] = await this.#engine.durable<{ number: number }>(LAST_NUMBER, [process]);
    return row?.number;
  }

  async hasReady(queues: readonly string[]): Promise<boolean> {
    await this.#timetable.sweep();
    const unknown = queues.filter((queue) => this.#ready.get(queue) === undefined);
    if (queues.some((queue) => this.#ready.get(queue))) return true;
    if (unknown.length === 0) return false;
    const since = this.#ready.version;
    const rows = await this.#engine.fast<{ queue: string }>(HAS_READY, [unknown]);
    const found = new Set(rows.map(({ queue }) => queue));
    for (const queue of unknown) this.#ready.learn([queue], found.has(queue), since);
    return found.size > 0;
  }

  reserve(
    queues: readonly string[],
    consumers: readonly string[],
    maxBytes?: number,
  ): Promise<Reserved[]> {
    return this.#deliveries.reserve(queues, consumers, maxBytes);
  }

  get holdsReserved(): boolean {
    return this.#members.isOurs;
  }

  settle(settlements: readonly Settlement[]): Promise<Settled[]> {
    return this.#deliveries.settle(settlements);
  }

  settleLate(id: number, name: DeliveryName): Promise<string | undefined> {
    return this.#deliveries.settleLate(id, name);
  }

  reservations(): Promise<Reservation[]> {
    return this.#deliveries.reservations();
  }

  nextSweep(): Promise<number | undefined> {
    return this.#timetable.next();
  }

  async sweep(): Promise<boolean> {
    await this.#timetable.sweep();
    return this.#timetable.takeReady();
  }

  takeExpired(): ReadonlyMap<string, number> {
    return this.#timetable.takeExpired();
  }

  async oldest(queue: string): Promise<number | undefined> {
    const [row] = await this.#engine.fast<{ position: number | null }>(OLDEST, [queue]);
    return row?.position == null ? undefined : this.#clock.toHost(takenAt(row.position));
  }

  async delayedUntil(): Promise<number | undefined> {
    const [row] = await this.#engine.fast<{ at: number | null }>(DELAYED_UNTIL, []);
    return row?.at == null ? undefined : this.#clock.toHost(row.at);
  }

  async isEmpty(withPaused: boolean): Promise<boolean> {
    const [row] = await this.#engine.fast<{ empty: boolean }>(IS_EMPTY, [withPaused]);
    return row?.empty === true;
  }

  counts(): Promise<QueueCounts[]> {
    return this.#inspection.counts();
  }

  peek(queue: string, selection?: Selection): Promise<Stored[]> {
    return this.#inspection.peek(queue, selection);
  }

  purge(queue: string, selection?: Selection): Promise<number> {
    return this.#inspection.purge(queue, selection);
  }

  kick(queue: string, selection?: Selection): Promise<number> {
    return this.#inspection.kick(queue, selection);
  }

  pause(queue: string, paused: boolean): Promise<void> {
    return this.#inspection.pause(queue, paused);
  }

  engine(): Promise<EngineStatus> {
    return engineStatus(this.#engine, this.#members, this.#clock);
  }

  drains(isDraining: boolean): Promise<void> {
    return this.#members.drains(this.#engine, isDraining);
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    await this.#members.leave(this.#engine).catch(() => {});
    this.#members.stop();
    await this.#engine.close();
  }

  async #prepare(connections: Connections): Promise<void> {
    const identity = await openSchema(connections.durable, this.#address);
    const isAgain = this.#identity !== '';
    if (isAgain && identity !== this.#identity) throw postgresErrors.otherStore(this.name);
    this.#identity = identity;
    await this.#members.join(connections);
    if (isAgain)
      await this.#deliveries.forgetOrphans((text, values) => connections.durable.ask(text, values));
    this.#ready.forget('all');
    this.#timetable.forget();
  }

  #onNews({ queues, at, lease }: News): void {
    if (queues) this.#ready.forget(queues);
    if (at !== undefined) this.#timetable.add(at === 0 ? Number.NEGATIVE_INFINITY : at);
    if (lease) this.#timetable.addLease(this.#clock.now() + lease + 1);
    if (queues || at !== undefined || lease) this.#listener?.({ kind: 'news' });
  }
}

const LAST_NUMBER: Statement = {
  name: 'last-number',
  text: 'SELECT number FROM producers WHERE process = $1',
};
const HAS_READY: Statement = {
  name: 'has-ready',
  text: `SELECT name AS queue FROM unnest($1::text[]) AS asked (name)
    WHERE EXISTS (SELECT FROM messages WHERE queue = name AND state = 'ready')
    AND NOT EXISTS (SELECT FROM paused WHERE queue = name)`,
};
const OLDEST: Statement = {
  name: 'oldest',
  text: `WITH RECURSIVE heads AS (
      (SELECT priority, position, 1 AS n FROM messages WHERE queue = $1 AND state = 'ready'
        ORDER BY priority DESC, position, id LIMIT 1)
      UNION ALL
      SELECT below.* FROM heads CROSS JOIN LATERAL (SELECT priority, position, heads.n + 1 FROM messages
        WHERE queue = $1 AND state = 'ready' AND priority < heads.priority
        ORDER BY priority DESC, position, id LIMIT 1) AS below WHERE heads.n < ${MAX_PRIORITIES})
    SELECT min(position) AS position FROM heads`,
};
const DELAYED_UNTIL: Statement = {
  name: 'delayed-until',
  text: `SELECT due_at AS at FROM messages WHERE state = 'delayed' ORDER BY due_at DESC, position DESC, id DESC LIMIT 1`,
};
const IS_EMPTY: Statement = {
  name: 'is-empty',
  text: `SELECT NOT EXISTS (SELECT FROM messages WHERE state = 'reserved')
    AND NOT EXISTS (SELECT FROM messages WHERE state IN ('ready', 'delayed')
      AND ($1 OR NOT EXISTS (SELECT FROM paused WHERE paused.queue = messages.queue))) AS empty`,
};
