import { guarded } from '../guarded.ts';
import { Deaths } from './deaths.ts';
import { FileWatch } from './file-watch.ts';
import type { Groups } from './groups.ts';
import type { InFlight } from './in-flight.ts';
import type { Journal } from './journal.ts';
import { Rerun } from './rerun.ts';
import type { Roster } from './roster.ts';

/** How often to check consumers whose end the kernel does not report; ms. */
const DEATH_LOOK_MS = 1000;
/**
 * A process that registers before it catches the signals, or that is about to end, is checked again after it has
 * been in that state for as long again, within these bounds; ms.
 */
const UNFIT_MS = { least: 50, most: 60_000 };

export interface RosterWatchOptions {
  readonly dir: string;
  readonly roster: Roster;
  readonly inFlight: Pick<InFlight, 'lose'>;
  readonly groups: Pick<Groups, 'ensure'>;
  readonly journal: Journal;
}

/** Makes the roster read consumers.txt again when it changes, and when a consumer ends. */
export class RosterWatch {
  readonly #options: RosterWatchOptions;
  readonly #deaths: Deaths;
  readonly #refreshing: Rerun;
  #watch: FileWatch | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  /** The file may differ from what was read last. */
  #isStale = false;

  constructor(options: RosterWatchOptions) {
    this.#options = options;
    const { error } = options.journal;
    this.#refreshing = new Rerun(error);
    this.#deaths = new Deaths(guarded(() => this.#refreshSoon(), error));
  }

  /** Reads the file for the first time. @throws RegistryError it cannot be read */
  start(): void {
    const { dir, journal } = this.#options;
    const onChange = () => this.#refreshSoon();
    this.#watch = new FileWatch({ dir, name: 'consumers.txt', journal, onChange });
    this.refresh();
    this.#refreshing.start(() => this.#refresh());
  }

  /** The directory was made again. */
  restart(): void {
    this.#watch?.restart();
    this.#refreshSoon();
  }

  /** Stops watching at once; resolves when the last check is done. */
  async stop(): Promise<void> {
    this.#watch?.close();
    clearTimeout(this.#lookTimer);
    await this.#refreshing.stop();
    this.#deaths.forgetAll();
  }

  /** Reads the file now, and tidies it soon: others may be writing to it. */
  refresh(): void {
    this.#look();
    this.#refreshing.ask();
  }

  /** Of all consumers in the roster. */
  watchDeaths(): void {
    const { roster } = this.#options;
    const watched = roster.all.filter((consumer) => this.#deaths.watch(consumer));
    const { unfitForMs = Number.POSITIVE_INFINITY } = roster;
    const unfitMs = Math.min(Math.max(unfitForMs, UNFIT_MS.least), UNFIT_MS.most);
    if (watched.length < roster.all.length) this.#lookLater(DEATH_LOOK_MS);
    else if (unfitForMs < Number.POSITIVE_INFINITY) this.#lookLater(unfitMs);
  }

  #lookLater(afterMs: number): void {
    if (this.#refreshing.isStopped) return;
    const { roster, journal } = this.#options;
    const look = () => {
      const isOver = roster.all.some((consumer) => roster.isGone(consumer));
      if (isOver || roster.unfitForMs !== undefined) this.#refreshSoon();
      else this.watchDeaths();
    };
    const onTrouble = (error: unknown) => {
      journal.error(error);
      this.#lookLater(DEATH_LOOK_MS);
    };
    clearTimeout(this.#lookTimer);
    this.#lookTimer = setTimeout(guarded(look, onTrouble), afterMs).unref();
  }

  #refreshSoon(): void {
    this.#isStale = true;
    this.#refreshing.ask();
  }

  async #refresh(): Promise<void> {
    if (this.#isStale) this.#look();
    await this.#options.roster.tidy();
    await this.#options.groups.ensure();
  }

  #look(): void {
    const { roster, inFlight, journal } = this.#options;
    const { left, ended } = roster.look();
    this.#isStale = false;
    for (const consumer of [...left, ...ended]) this.#deaths.forget(consumer.key);
    for (const { pid } of left) journal.say({ type: 'consumer-left', pid });
    for (const consumer of ended) {
      journal.consumerEnded(consumer);
      void inFlight.lose(consumer);
    }
    this.watchDeaths();
    journal.wake();
  }
}
