import { hostname } from 'node:os';
import { steadyMs } from '../../clock.ts';
import { Allowances } from '../allowances.ts';
import { StoreError, storeErrors } from '../errors.ts';
import type { StorePolicy } from '../policy.ts';
import { Positions } from '../positions.ts';
import { Queues } from '../queue-settings.ts';
import { StoreOfParts, type StoreParts } from '../store-of-parts.ts';
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
import { SqliteLookups } from './lookups.ts';
import { identify, incarnate, loadSettings, setBack } from './opening.ts';
import { orderFor, orderOf } from './order.ts';
import { SqlitePublisher } from './publish.ts';
import { Tally } from './tally.ts';
import { Timetable } from './timetable.ts';

/**
 * Keeps messages in an SQLite file, first in its write-ahead log (https://sqlite.org/wal.html), or in SQLite's own
 * memory. Only one process has it open at a time, so the counts and the reserved messages are also known here.
 */
export class SqliteStore extends StoreOfParts {
  readonly name: string;
  readonly identity: string;
  readonly incarnation: number;
  protected readonly parts: StoreParts;
  readonly #db: SqliteConnection;

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
    super();
    this.name = db.path;
    this.#db = db;
    this.identity = identify(db);
    this.incarnation = incarnate(db, now());
    const queues = new Queues();
    loadSettings(db, queues);
    setBack(db, policy, queues, now());
    const order = isVisitor ? orderOf(db) : orderFor(db, policy.agingMs);
    const tally = new Tally();
    const reserved = new Map<number, ReservedRow>();
    const positions = new Positions(loadCounts(db, tally, reserved));
    const position = (count: number) => positions.take(now(), count);
    const timetable = new Timetable({ db, tally, policy, queues, position });
    const sweep = () => timetable.sweep(now());
    const { incarnation } = this;
    const { deadLetters } = timetable;
    const common = { db, tally, timetable, now, keys: new Keys(db), position };
    const asks = new SqliteAsks(db, sweep);
    const deliveries = new SqliteDeliveries({
      ...{ ...common, asks, reserved, policy, queues, incarnation, deadLetters, order },
      ...{ allowances: new Allowances(queues), host: hostname() },
    });
    const inspection = new SqliteInspection({
      ...{ db, tally, queues, deadLetters, sweep, position, order },
    });
    this.parts = {
      publisher: new SqlitePublisher({ ...common, policy, queues }),
      groups: new SqliteGroups({ db, tally, reserved, inspection }),
      ...{ deliveries, settlements: deliveries, asks, inspection },
      timetable: {
        swept: timetable.swept,
        next: async () => db.try(() => timetable.next()),
        sweep: async () => db.try(sweep),
      },
      lookups: new SqliteLookups({ db, tally, deliveries, sweep }),
      byId: new SqliteById(common),
    };
  }

  get path(): string | undefined {
    return this.#db.isOnDisk ? this.#db.path : undefined;
  }

  get warning(): string | undefined {
    return this.#db.warning;
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}
