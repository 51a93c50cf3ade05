import { steadyMs } from '../../clock.ts';
import { Allowances } from '../allowances.ts';
import type { Asked, Reply } from '../asks.ts';
import type { EngineStatus } from '../engine-status.ts';
import type { StorePolicy } from '../policy.ts';
import { Positions } from '../positions.ts';
import type { QueueChange, QueueSettings } from '../queue-settings.ts';
import type {
  BodyPart,
  Changed,
  DeliveryName,
  Dropped,
  Edit,
  Kicked,
  NewMessage,
  Published,
  QueueCounts,
  Reservation,
  Reserved,
  Selection,
  Settled,
  Settlement,
  Store,
  Stored,
  StoreListener,
} from '../store.ts';
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
export class PostgresStore implements Store {
  readonly name: string;
  readonly url: string;
  #identity = '';
  #incarnation = 0;
  readonly #clock: ServerClock;
  readonly #engine: PostgresEngine;
  readonly #members: Membership;
  readonly #ready = new Ready();
  readonly #settings: SharedSettings;
  readonly #positions = new Positions(0);
  readonly #timetable: Timetable;
  readonly #deliveries: Deliveries;
  readonly #publisher: Publisher;
  readonly #byId: PostgresById;
  readonly #asks: PostgresAsks;
  readonly #inspection: PostgresInspection;
  readonly #lookups: Lookups;
  readonly #groups: PostgresGroups;
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
    const position = (count: number) => this.#positions.take(clock.now(), count);
    const settings = new SharedSettings(engine);
    this.#settings = settings;
    const allowances = new Allowances(settings.queues);
    const { host } = place;
    const own = { policy, settings, allowances, host };
    const common = { engine, members, clock, ready, position, ...own };
    const timetable = new Timetable(common);
    this.#timetable = timetable;
    const parts = { ...common, timetable };
    this.#deliveries = new Deliveries(parts);
    this.#publisher = new Publisher({ ...parts, name });
    this.#byId = new PostgresById(parts);
    this.#asks = new PostgresAsks(parts);
    this.#inspection = new PostgresInspection(parts);
    this.#lookups = new Lookups(parts);
    this.#groups = new PostgresGroups({
      ...parts,
      name,
      purge: (queue) => this.#inspection.purge(queue),
    });
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

  publish(batch: readonly NewMessage[]): Promise<Published[]> {
    return this.#publisher.publish(batch);
  }

  addGroups(names: readonly string[]): Promise<void> {
    return this.#groups.addGroups(names);
  }

  groups(): Promise<readonly string[]> {
    return this.#groups.groups();
  }

  removeGroup(name: string): Promise<number> {
    return this.#groups.removeGroup(name);
  }

  lastNumber(process: string): Promise<number | undefined> {
    return this.#lookups.lastNumber(process);
  }

  hasReady(queues: readonly string[]): Promise<boolean> {
    return this.#lookups.hasReady(queues);
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
    return this.#deliveries.settlements.settle(settlements);
  }

  settleLate(id: number, name: DeliveryName, reply?: Uint8Array): Promise<string | undefined> {
    return this.#deliveries.settlements.settleLate(id, name, reply);
  }

  repliesAt(place: string, limit: number): Promise<string[]> {
    return this.#asks.repliesAt(place, limit);
  }

  reply(asker: string): Promise<Reply | undefined> {
    return this.#asks.reply(asker);
  }

  forgetReplies(askers: readonly string[]): Promise<void> {
    return this.#asks.forgetReplies(askers);
  }

  asked(asker: string): Promise<Asked | undefined> {
    return this.#asks.asked(asker);
  }

  reservations(): Promise<Reservation[]> {
    return this.#deliveries.reservations();
  }

  nextSweep(): Promise<number | undefined> {
    return this.#timetable.next();
  }

  async sweep(): Promise<boolean> {
    await this.#timetable.sweep();
    return this.#timetable.swept.takeReady();
  }

  takeExpired(): ReadonlyMap<string, number> {
    return this.#timetable.swept.takeExpired();
  }

  takeDropped(): readonly Dropped[] {
    return this.#timetable.swept.takeDropped();
  }

  oldest(queue: string): Promise<number | undefined> {
    return this.#lookups.oldest(queue);
  }

  delayedUntil(): Promise<number | undefined> {
    return this.#lookups.delayedUntil();
  }

  isEmpty(withPaused: boolean): Promise<boolean> {
    return this.#lookups.isEmpty(withPaused);
  }

  find(id: number, part?: BodyPart): Promise<Stored | undefined> {
    return this.#byId.find(id, part);
  }

  remove(ids: readonly number[]): Promise<Changed[]> {
    return this.#byId.remove(ids);
  }

  edit(ids: readonly number[], edit: Edit): Promise<Changed[]> {
    return this.#byId.edit(ids, edit);
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

  kick(queue: string, selection?: Kicked): Promise<number> {
    return this.#inspection.kick(queue, selection);
  }

  settings(queue: string): Promise<QueueSettings> {
    return this.#inspection.settings(queue);
  }

  set(queue: string, change: QueueChange): Promise<QueueSettings> {
    return this.#inspection.set(queue, change);
  }

  pause(queue: string, paused: boolean): Promise<void> {
    return this.#inspection.pause(queue, paused);
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
