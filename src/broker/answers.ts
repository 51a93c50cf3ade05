import type { ChangesNote } from '../changes.ts';
import { clockMs, steadyMs } from '../clock.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { StoreError } from '../queue/errors.ts';
import { QueueGroups } from '../queue/groups.ts';
import type { QueueCounts } from '../queue/inspection.ts';
import type { Published } from '../queue/message.ts';
import type { Store } from '../queue/store.ts';
import type {
  AskedStatus,
  BrokerStatus,
  DrainState,
  QueueMetrics,
  QueueStatus,
} from '../status.ts';
import { VERSION } from '../version.ts';
import type { Answering } from './answering.ts';
import { askerOf } from './askers.ts';
import type { Drain } from './drain.ts';
import type { Intake } from './intake.ts';
import type { Journal } from './journal.ts';
import { keyOf, type Peer } from './peer.ts';
import { withCounted } from './queue-counts.ts';
import { type BrokerAnswers, pageAfter } from './requests.ts';
import type { Roster } from './roster.ts';
import { Watched } from './watched.ts';

export interface AnswersOptions {
  readonly dir: string;
  readonly plainBecause: string | undefined;
  readonly store: Store;
  readonly endpoint: Pick<Endpoint, 'echo'>;
  readonly roster: Roster;
  readonly intake: Intake;
  readonly journal: Journal;
  readonly drain: Drain;
  readonly answering: Pick<Answering, 'wake'>;
  /** See {@link askerOf}. */
  readonly place: string;
  /** Expired messages are kept as dead ones. */
  readonly keepsExpired: boolean;
  /** See StorePolicy. */
  readonly agingMs: number | undefined;
}

/** What a broker answers to requests about itself. */
export class Answers implements BrokerAnswers {
  readonly #options: AnswersOptions;
  readonly #watched: Watched;
  readonly #startedAt = clockMs();

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#watched = new Watched(options);
  }

  async status(): Promise<BrokerStatus> {
    const { dir, plainBecause, store, endpoint, roster, intake, drain, agingMs } = this.#options;
    const { counters } = this.#options.journal;
    this.#countExpired();
    return {
      pid: process.pid,
      version: VERSION,
      dir,
      store: store.name,
      engine: (await store.engine?.()) ?? null,
      uptimeMs: Math.round(clockMs() - this.#startedAt),
      draining: intake.draining,
      drain: drain.isOn ? await drain.state() : null,
      plainBecause: plainBecause ?? null,
      agingMs: agingMs ?? null,
      ...counters.totals,
      others: counters.others ?? null,
      link: endpoint.echo?.counts ?? null,
      consumers: roster.all.map(({ pid, kind, queues, weights, jobs, inFlight }) => ({
        pid,
        kind,
        queues,
        ...(weights && { weights }),
        jobs,
        holding: inFlight.size,
      })),
    };
  }

  async queues(after: string, limit: number): Promise<QueueStatus[]> {
    const known = await this.#options.store.counts();
    const page = pageAfter(this.#withCounted(known), after, limit);
    return Promise.all(page.map((counts) => this.#status(counts)));
  }

  async metrics(after: string, limit: number): Promise<QueueMetrics[]> {
    const { counters } = this.#options.journal;
    const latencyOf = (queue: string) => counters.latencyOf(queue) ?? null;
    try {
      return (await this.queues(after, limit)).map(({ queue, counted, ...now }) => {
        return { queue, now, counted, latency: latencyOf(queue) };
      });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // What the broker itself has counted is known all the same.
      return pageAfter(this.#withCounted([]), after, limit).map(({ queue }) => {
        const counted = counters.of(queue) ?? null;
        return { queue, now: null, counted, latency: latencyOf(queue) };
      });
    }
  }

  /** By name, with those that are empty and of which something was counted. */
  #withCounted(counts: readonly QueueCounts[]): QueueCounts[] {
    this.#countExpired();
    const all = withCounted(counts, this.#options.journal.counters);
    return all.sort((a, b) => (a.queue < b.queue ? -1 : 1));
  }

  async #status(counts: QueueCounts): Promise<QueueStatus> {
    const { store, journal } = this.#options;
    const { counters } = journal;
    const since = counts.ready > 0 ? await store.oldest(counts.queue) : undefined;
    const oldestReadyMs = since === undefined ? null : Math.max(0, steadyMs() - since);
    return { ...counts, oldestReadyMs, counted: counters.of(counts.queue) ?? null };
  }

  /** Nobody is notified when a message expires: expired messages are counted when somebody asks. */
  #countExpired(): void {
    const { store, journal, keepsExpired } = this.#options;
    for (const [queue, messages] of store.takeExpired()) {
      journal.counters.expired(queue, messages, keepsExpired);
    }
  }

  changes(since: number): Promise<ChangesNote> {
    return this.#watched.changes(since);
  }

  async waiting(peer: Peer, queues: ReadonlySet<unknown>): Promise<number> {
    const { store, roster } = this.#options;
    const counts = await store.counts();
    const names = [...queues].filter((name) => typeof name === 'string');
    const sources = new Set(new QueueGroups(await store.groups()).sources(names));
    const open = counts.filter(({ queue, paused }) => !paused && sources.has(queue));
    const inFlight = roster.get(keyOf(peer))?.inFlight.size ?? 0;
    return open.reduce((sum, { ready }) => sum + ready, inFlight);
  }

  lastSent(peer: Peer): readonly Published[] {
    return this.#options.intake.lastSent(peer);
  }

  async asked(peer: Peer, number: number, queue: string): Promise<AskedStatus> {
    const { store, place, answering, roster } = this.#options;
    const asker = askerOf(peer, number, place);
    const state = (await store.asked(asker)) ?? 'missing';
    if (state === 'answered') answering.wake(asker);
    const groups = new QueueGroups(await store.groups()).of(queue);
    return { state, consumers: roster.takersOf(groups.length > 0 ? groups : [queue]) };
  }

  async drain(paused: boolean): Promise<DrainState> {
    const { intake, drain, store, journal } = this.#options;
    const state = await drain.state(paused); // what the store cannot say now, is no drain either
    intake.draining = true;
    drain.begin(paused);
    void store.drains?.(true).catch(journal.error);
    return state;
  }

  cancelDrain(): boolean {
    const { intake, drain, store, journal } = this.#options;
    const wasOn = drain.cancel();
    // Not when the drain is done: then the broker stops.
    if (wasOn) {
      intake.draining = false;
      void store.drains?.(false).catch(journal.error);
    }
    return wasOn;
  }

  stop(): void {
    this.#options.journal.requestStop();
  }
}
