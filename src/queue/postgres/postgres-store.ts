import { steadyMs } from '../../clock.ts';
import { Allowances } from '../allowances.ts';
import type { EngineStatus } from '../engine-status.ts';
import type { StorePolicy } from '../policy.ts';
import { Positions } from '../positions.ts';
import type { StoreListener } from '../store.ts';
import { StoreOfParts, type StoreParts } from '../store-of-parts.ts';
import { type PostgresAddress, parseAddress } from './address.ts';
import { ageIndexes } from './aging.ts';
import { PostgresAsks } from './asks.ts';
import { PostgresById } from './by-id.ts';
import { engineStatus } from './check.ts';
import { Deliveries } from './deliveries.ts';
import { type Connections, PostgresEngine } from './engine.ts';
import { postgresErrors } from './errors.ts';
import { PostgresGroups } from './groups.ts';
import { PostgresInspection } from './inspection.ts';
import { Lookups } from './lookups.ts';
import { Membership, type Place } from './membership.ts';
import { ANYTHING, type News } from './news.ts';
import { Publisher } from './publish.ts';
import { Ready } from './ready.ts';
import { dateDead, openSchema } from './schema.ts';
import { ServerClock } from './server-clock.ts';
import { SharedSettings } from './settings.ts';
import { Timetable } from './timetable.ts';

export interface PostgresOptions {
  readonly url: string;
  readonly policy: StorePolicy;
  readonly place: Place;
  /** After this, others give away what a broker holds that says nothing; ms. */
  readonly leaseMs: number;
  /** It is no broker, and leaves the indexes as they are. */
  readonly isVisitor?: boolean;
  /** Instead of the server's clock; ms since the epoch. */
  readonly now?: () => number;
}

/** Keeps messages in a PostgreSQL database, which brokers of several hosts share. */
export class PostgresStore extends StoreOfParts {
  readonly name: string;
  readonly url: string;
  #identity = '';
  #incarnation = 0;
  readonly #clock: ServerClock;
  readonly #engine: PostgresEngine;
  readonly #members: Membership;
  readonly #ready = new Ready();
  readonly #settings: SharedSettings;
  readonly #timetable: Timetable;
  readonly #deliveries: Deliveries;
  protected readonly parts: StoreParts;
  readonly #agingMs: number | undefined;
  readonly #isVisitor: boolean;
  readonly #address: PostgresAddress;
  readonly #leaseMs: number;
  #listener: StoreListener | undefined;

  /** @throws StoreError */
  static async open(options: PostgresOptions): Promise<PostgresStore> {
    const store = new PostgresStore(options);
    try {
      await store.#engine.open();
      store.#announce();
      store.#incarnation = store.#members.incarnation;
      store.#members.start();
      return store;
    } catch (error) {
      await store.#engine.close();
      throw error;
    }
  }

  private constructor({ url, policy, place, leaseMs, isVisitor, now }: PostgresOptions) {
    super();
    const address = parseAddress(url, process.env);
    this.#address = address;
    this.#leaseMs = leaseMs;
    this.url = url;
    this.name = address.name;
    const clock = new ServerClock(now ?? steadyMs, now === undefined);
    this.#clock = clock;
    const engine = new PostgresEngine({
      address,
      prepare: (connections) => this.#prepare(connections),
      onNews: (news) => this.#onNews(news),
      onAway: (error) => this.#listener?.({ kind: 'away', error }),
      onBack: () => {
        this.#announce();
        this.#listener?.({ kind: 'back' });
      },
    });
    this.#engine = engine;
    const { name } = this;
    const { agingMs } = policy;
    const holds = () => this.#deliveries.any;
    const members = new Membership({ name, place, leaseMs, agingMs, clock, engine, holds });
    this.#members = members;
    const ready = this.#ready;
    const positions = new Positions(0);
    const position = (count: number) => positions.take(clock.now(), count);
    const settings = new SharedSettings(engine);
    this.#settings = settings;
    const allowances = new Allowances(settings.queues);
    const { host } = place;
    const own = { policy, settings, allowances, host };
    const common = { engine, members, clock, ready, position, ...own };
    const timetable = new Timetable(common);
    this.#timetable = timetable;
    const shared = { ...common, timetable };
    const deliveries = new Deliveries(shared);
    this.#deliveries = deliveries;
    const { settlements } = deliveries;
    const inspection = new PostgresInspection(shared);
    const purge = (queue: string) => inspection.purge(queue);
    this.parts = {
      publisher: new Publisher({ ...shared, name }),
      groups: new PostgresGroups({ ...shared, name, purge }),
      ...{ deliveries, settlements, timetable, inspection },
      asks: new PostgresAsks(shared),
      lookups: new Lookups(shared),
      byId: new PostgresById(shared),
    };
    this.#agingMs = agingMs;
    this.#isVisitor = isVisitor ?? false;
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

  get holdsReserved(): boolean {
    return this.#members.isOurs;
  }

  engine(): Promise<EngineStatus> {
    return engineStatus(this.#engine, this.#members, this.#clock);
  }

  drains(isDraining: boolean): Promise<void> {
    return this.#members.drains(isDraining);
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    await this.#members.leave().catch(() => {}); // it is away: others see that it is silent
    await this.#engine.close();
  }

  async #prepare(connections: Connections): Promise<void> {
    const identity = await openSchema(connections.durable, this.#address);
    const isAgain = this.#identity !== '';
    if (isAgain && identity !== this.#identity) throw postgresErrors.otherStore(this.name);
    this.#identity = identity;
    await this.#members.join(connections);
    await dateDead(connections.fast);
    if (!this.#isVisitor) await ageIndexes(connections.durable, this.#agingMs);
    if (isAgain)
      await this.#deliveries.forgetOrphans((text, values) => connections.durable.ask(text, values));
    this.#ready.forget('all');
    this.#settings.forget();
    this.#timetable.forget();
  }

  /** What we, or those before us, have told may be lost, and what we hold has a new lease. */
  #announce(): void {
    this.#engine.tell({ ...ANYTHING, lease: this.#leaseMs });
  }

  #onNews({ queues, at, lease, settings, replies }: News): void {
    if (settings) {
      this.#settings.forget();
      this.#timetable.forgetDead();
    }
    if (queues) this.#ready.forget(queues);
    if (queues === 'all') this.#timetable.forget();
    if (at !== undefined) this.#timetable.add(at);
    if (lease) this.#timetable.addLease(this.#clock.now() + lease + 1);
    if (queues || at !== undefined || lease || replies) this.#listener?.({ kind: 'news' });
  }
}
