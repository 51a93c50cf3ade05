import type { Changes } from '../../changes.ts';
import { clockMs } from '../../clock.ts';
import { SigmqError } from '../../errors.ts';
import { inspectBroker } from '../../registry/broker-file.ts';
import type { ProcessTable } from '../../registry/process-info.ts';
import { BusWatch, LOOK_MS } from './bus-watch.ts';
import { Live } from './live.ts';
import { Pace } from './pace.ts';
import { Processes } from './processes.ts';
import type { Snapshot } from './snapshot.ts';

/** Whom to ask. */
export interface Asked {
  changes(since?: number): Promise<Changes>;
}

/** What is known of a broker and its consumers, and when to ask again. */
export class Watch {
  readonly #asked: Asked;
  readonly #dir: string;
  readonly #table: ProcessTable;
  readonly #live = new Live();
  readonly #processes: Processes;
  readonly #bus: BusWatch;
  readonly #pace: Pace;
  readonly #looking: NodeJS.Timeout;
  #since: number | undefined;
  /** When the broker answered last; ms of `clockMs`. */
  #answeredAt = 0;
  #used: ReturnType<BusWatch['use']> = { busy: undefined, holder: undefined, waiting: 0 };
  #trouble: string | undefined;
  #isAsking = false;

  /** @param everyMs how often the broker is asked, unless it has so much to tell that this would cost too much; ms */
  constructor(asked: Asked, dir: string, table: ProcessTable, everyMs: number) {
    this.#asked = asked;
    this.#dir = dir;
    this.#table = table;
    this.#processes = new Processes(table);
    this.#bus = new BusWatch(dir, table.selfPid);
    this.#pace = new Pace(everyMs, clockMs());
    this.#looking = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** How long to wait before {@link ask}; ms. */
  get restMs(): number {
    return this.#pace.restMs;
  }

  /**
   * Asks the broker. If there is none any more, or it does not answer, that is a trouble to be shown.
   * @throws SigmqError if it has never answered
   */
  async ask(): Promise<void> {
    this.#isAsking = true;
    try {
      while (await this.#askOnce());
      this.#trouble = undefined;
    } catch (error) {
      if (!(error instanceof SigmqError) || this.#since === undefined) throw error;
      this.#trouble = error.message;
    } finally {
      this.#isAsking = false;
    }
    this.#used = this.#bus.use();
  }

  /** As it is now. */
  snapshot(): Snapshot {
    const consumers = this.#live.consumers(clockMs() - this.#answeredAt);
    const broker = inspectBroker(this.#dir, this.#table);
    return {
      pid: broker.ok ? broker.pid : undefined,
      dir: this.#dir,
      upMs: this.#live.upMs,
      isDraining: this.#live.isDraining,
      queues: this.#live.queues,
      consumers: consumers.map((one) => ({ ...one, ...this.#processes.of(one.pid) })),
      bits: this.#live.bits,
      bus: this.#used,
      trouble: this.#trouble,
    };
  }

  close(): void {
    clearInterval(this.#looking);
    this.#bus.close();
  }

  /** Of our own question, everything would be seen. */
  #look(): void {
    if (!this.#isAsking) this.#bus.look();
  }

  /** @returns whether there is more */
  async #askOnce(): Promise<boolean> {
    const askedAt = clockMs();
    const before = process.cpuUsage();
    const changes = await this.#asked.changes(this.#since);
    const { user, system } = process.cpuUsage(before);
    this.#since = changes.since;
    this.#answeredAt = clockMs();
    // Everything is told only once.
    const cpuMs = changes.all ? 0 : (user + system) / 1000;
    this.#pace.spent(cpuMs, this.#answeredAt - askedAt, this.#answeredAt);
    this.#live.take(changes);
    if (changes.more) return true;
    this.#live.sample();
    this.#processes.keep(new Set(this.#live.consumers(0).map(({ pid }) => pid)));
    return false;
  }
}
