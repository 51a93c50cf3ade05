import { hostname } from 'node:os';
import { steadyMs } from '../../clock.ts';
import { Allowances } from '../allowances.ts';
import type { Asked, Reply } from '../asks.ts';
import { StoreError, storeErrors } from '../errors.ts';
import type { StorePolicy } from '../policy.ts';
import { Positions } from '../positions.ts';
import { type QueueChange, type QueueSettings, Queues } from '../queue-settings.ts';
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
} from '../store.ts';
import type { Fsync } from '../store-options.ts';
import { SqliteAsks } from './asks.ts';
import { SqliteById } from './by-id.ts';
import { SqliteConnection } from './connection.ts';
import { loadCounts, type ReservedRow } from './count.ts';
import { SqliteDeliveries } from './deliveries.ts';
import { openMemory, openSqliteFile, type SqliteFile } from './file.ts';
import { SqliteGroups } from './groups.ts';
import { SqliteInspection } from './inspection.ts';
import { Keys } from './keys.ts';
import { oldest } from './oldest.ts';
import { identify, incarnate, loadSettings, setBack } from './opening.ts';
import { orderFor, orderOf } from './order.ts';
import { lastNumber } from './producers.ts';
import { SqlitePublisher } from './publish.ts';
import { Tally } from './tally.ts';
import { Timetable } from './timetable.ts';

/**
 * Keeps messages in an SQLite file, first in its write-ahead log (https://sqlite.org/wal.html), or in SQLite's own
 * memory. Only one process has it open at a time, so the counts and the reserved messages are also known here.
 */
export class SqliteStore implements Store {
  readonly name: string;
  readonly identity: string;
  readonly incarnation: number;
  readonly #db: SqliteConnection;
  readonly #now: () => number;
  readonly #tally = new Tally();
  readonly #queues = new Queues();
  readonly #allowances = new Allowances(this.#queues);
  readonly #timetable: Timetable;
  readonly #publisher: SqlitePublisher;
  readonly #deliveries: SqliteDeliveries;
  readonly #byId: SqliteById;
  readonly #asks: SqliteAsks;
  readonly #inspection: SqliteInspection;
  readonly #groups: SqliteGroups;

  /** @param isVisitor it is no broker, and leaves everything in order @throws StoreError */
  static open(
    folder: string,
    policy: StorePolicy,
    fsync: Fsync,
    now: () => number = steadyMs,
    isVisitor = false,
  ): SqliteStore {
    return SqliteStore.#over(openSqliteFile(folder), policy, fsync, now, isVisitor);
  }

  /** Loses its messages with the process. */
  static inMemory(policy: StorePolicy, now: () => number = steadyMs): SqliteStore {
    return SqliteStore.#over(openMemory(), policy, 'never', now, false);
  }

  static #over(
    file: SqliteFile,
    policy: StorePolicy,
    fsync: Fsync,
    now: () => number,
    isVisitor: boolean,
  ): SqliteStore {
    try {
      return new SqliteStore(new SqliteConnection(file, fsync), policy, now, isVisitor);
    } catch (error) {
      file.close();
      throw error instanceof StoreError ? error : storeErrors.failed(file.path, error);
    }
  }

  private constructor(
    db: SqliteConnection,
    policy: StorePolicy,
    now: () => number,
    isVisitor: boolean,
  ) {
    this.name = db.path;
    this.#db = db;
    this.#now = now;
    this.identity = identify(db);
    this.incarnation = incarnate(db, now());
    loadSettings(db, this.#queues);
    setBack(db, policy, this.#queues, now());
    const order = isVisitor ? orderOf(db) : orderFor(db, policy.agingMs);
    const reserved = new Map<number, ReservedRow>();
    const positions = new Positions(loadCounts(db, this.#tally, reserved));
    const tally = this.#tally;
    const position = (count: number) => positions.take(now(), count);
    const queues = this.#queues;
    const timetable = new Timetable({ db, tally, policy, queues, position });
    this.#timetable = timetable;
    const { incarnation } = this;
    const { deadLetters } = timetable;
    const parts = { db, tally, timetable, now, keys: new Keys(db), position };
    const asks = new SqliteAsks(db);
    this.#asks = asks;
    this.#publisher = new SqlitePublisher({ ...parts, policy, queues });
    this.#deliveries = new SqliteDeliveries({
      ...{ ...parts, asks, reserved, policy, queues, incarnation, deadLetters, order },
      ...{ allowances: this.#allowances, host: hostname() },
    });
    this.#byId = new SqliteById(parts);
    const sweep = () => timetable.sweep(now());
    const inspection = new SqliteInspection({
      ...{ db, tally, queues, deadLetters, sweep, position, order },
    });
    this.#inspection = inspection;
    this.#groups = new SqliteGroups({ db, tally, reserved, inspection });
  }

  get path(): string | undefined {
    return this.#db.isOnDisk ? this.#db.path : undefined;
  }

  get warning(): string | undefined {
    return this.#db.warning;
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

  async lastNumber(process: string): Promise<number | undefined> {
    return this.#db.try(() => lastNumber(this.#db, process));
  }

  async hasReady(queues: readonly string[]): Promise<boolean> {
    const now = this.#now();
    this.#db.try(() => this.#timetable.sweep(now));
    return this.#deliveries.gives(queues, now);
  }

  reserve(
    queues: readonly string[],
    consumers: readonly string[],
    maxBytes?: number,
  ): Promise<Reserved[]> {
    return this.#deliveries.reserve(queues, consumers, maxBytes);
  }

  settle(settlements: readonly Settlement[]): Promise<Settled[]> {
    return this.#deliveries.settle(settlements);
  }

  settleLate(id: number, name: DeliveryName, reply?: Uint8Array): Promise<string | undefined> {
    return this.#deliveries.settleLate(id, name, reply);
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

  async asked(asker: string): Promise<Asked | undefined> {
    this.#db.try(() => this.#timetable.sweep(this.#now()));
    return this.#asks.asked(asker);
  }

  reservations(): Promise<Reservation[]> {
    return this.#deliveries.reservations();
  }

  async nextSweep(): Promise<number | undefined> {
    return this.#db.try(() => this.#timetable.next());
  }

  async sweep(): Promise<boolean> {
    this.#db.try(() => this.#timetable.sweep(this.#now()));
    return this.#timetable.swept.takeReady();
  }

  takeExpired(): ReadonlyMap<string, number> {
    return this.#timetable.swept.takeExpired();
  }

  takeDropped(): readonly Dropped[] {
    return this.#timetable.swept.takeDropped();
  }

  async oldest(queue: string): Promise<number | undefined> {
    return this.#db.try(() => oldest(this.#db, queue));
  }

  async delayedUntil(): Promise<number | undefined> {
    const sql = "SELECT max(due_at) AS at FROM messages WHERE state = 'delayed'";
    const row = this.#db.try(() => this.#db.sql(sql).get()) as { at: number | null };
    return row.at ?? undefined;
  }

  async isEmpty(withPaused: boolean): Promise<boolean> {
    this.#db.try(() => this.#timetable.sweep(this.#now()));
    return this.#tally.isEmpty(withPaused);
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

  find(id: number, part?: BodyPart): Promise<Stored | undefined> {
    return this.#byId.find(id, part);
  }

  remove(ids: readonly number[]): Promise<Changed[]> {
    return this.#byId.remove(ids);
  }

  edit(ids: readonly number[], edit: Edit): Promise<Changed[]> {
    return this.#byId.edit(ids, edit);
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}
