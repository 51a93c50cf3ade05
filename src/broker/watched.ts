import { type ChangesNote, type Row, rowOfConsumer, rowOfQueue } from '../changes.ts';
import { steadyMs } from '../clock.ts';
import type { Endpoint } from '../link/endpoint.ts';
import type { QueueCounts } from '../queue/inspection.ts';
import type { Store } from '../queue/store.ts';
import type { Counts } from '../status.ts';
import { ChangeLog } from './change-log.ts';
import type { ConsumerState } from './consumer-state.ts';
import type { Intake } from './intake.ts';
import type { Journal } from './journal.ts';
import { withCounted } from './queue-counts.ts';
import type { Roster } from './roster.ts';

export interface WatchedOptions {
  readonly store: Pick<Store, 'counts'>;
  readonly endpoint: Pick<Endpoint, 'echo'>;
  readonly roster: Pick<Roster, 'all'>;
  readonly intake: Pick<Intake, 'draining'>;
  readonly journal: Pick<Journal, 'counters'>;
}

/** Tells a broker from the one before it, which knew other changes. */
const RUNS = 1e6;

/** What has changed since somebody asked last (docs/protocol.md, section 8, *Changes*). */
export class Watched {
  readonly #options: WatchedOptions;
  readonly #startedAt: number;
  readonly #log = new ChangeLog();

  constructor(options: WatchedOptions) {
    this.#options = options;
    this.#startedAt = Date.parse(options.journal.counters.since);
  }

  /**
   * @param since as told the last time; 0: everything is wanted
   * @throws StoreError
   */
  async changes(since: number): Promise<ChangesNote> {
    const { store, roster, intake } = this.#options;
    const counts = await store.counts();
    this.#log.look([
      ...this.#queueRows(counts),
      ...roster.all.map((one) => this.#consumerRow(one)),
    ]);
    const run = this.#startedAt % RUNS;
    const isOurs = since % RUNS === run;
    const told = this.#log.since(isOurs ? Math.floor(since / RUNS) : 0);
    const queues = told.rows.filter(([key]) => typeof key === 'string');
    const consumers = told.rows.filter(([key]) => typeof key === 'number');
    const link = this.#options.endpoint.echo?.counts;
    return {
      ...{ since: told.at * RUNS + run, now: steadyMs() - this.#startedAt },
      ...(told.all && { all: true }),
      ...(told.more && { more: true }),
      ...(intake.draining && { draining: true }),
      ...(link && { bits: link.bitsSent + link.bitsReceived }),
      ...(queues.length > 0 && { queues }),
      ...(consumers.length > 0 && { consumers }),
      ...(told.gone.length > 0 && { gone: told.gone }),
    };
  }

  #queueRows(counts: readonly QueueCounts[]): Row[] {
    const { counters } = this.#options.journal;
    return withCounted(counts, counters).map((one) =>
      rowOfQueue({ ...one, ...sums(counters.of(one.queue)) }),
    );
  }

  #consumerRow({ pid, kind, jobs, queues, inFlight }: ConsumerState): Row {
    const [first] = inFlight; // in the order in which they were given to it
    const [id, { queue, since }] = first ?? [0, { queue: '', since: this.#startedAt }];
    const held = { holding: inFlight.size, id, queue, since: since - this.#startedAt };
    return rowOfConsumer({ pid, kind, jobs, queues, ...held });
  }
}

function sums(counted: Counts | undefined) {
  const {
    accepted = 0,
    delivered = 0,
    done = 0,
    failed = 0,
    released = 0,
    lost = 0,
  } = counted ?? {};
  return { accepted, delivered, done, failed: failed + released + lost };
}
