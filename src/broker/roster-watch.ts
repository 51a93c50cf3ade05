import { guarded } from '../guarded.ts';
import { Deaths } from './deaths.ts';
import { FileWatch } from './file-watch.ts';
import type { Roster } from './roster.ts';

/** How often those are looked at of whose end the kernel does not tell, and a file that could not be read; ms. */
const LOOK_MS = 1000;
/**
 * Who is registered before it catches the signals, or is about to end, is looked at again after as long as it
 * has been so already, within these bounds; ms.
 */
const UNFIT_MS = { least: 50, most: 60_000 };

export interface RosterWatchOptions {
  readonly dir: string;
  readonly roster: Roster;
  /** The roster is as the file is. */
  onRefreshed(): void;
  onWarning(sentence: string): void;
  onError(error: unknown): void;
}

/** Has the roster read consumers.txt again when that changes, and when a consumer ends. */
export class RosterWatch {
  readonly #options: RosterWatchOptions;
  readonly #deaths: Deaths;
  #watch: FileWatch | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: RosterWatchOptions) {
    this.#options = options;
    this.#deaths = new Deaths(guarded(() => this.#refreshSoon(), options.onError));
  }

  /** Resolves when the file was read for the first time. */
  async start(): Promise<void> {
    const { dir, roster, onWarning, onError } = this.#options;
    const onChange = () => this.#refreshSoon();
    this.#watch = new FileWatch({ dir, name: 'consumers.txt', onChange, onWarning, onError });
    this.#look();
    this.#refreshing = this.#tracked(roster.tidy());
  }

  /** The directory was made again. */
  restart(): void {
    this.#watch?.restart();
    this.#refreshSoon();
  }

  /** Looks no more at once; resolves when it is done with the last look. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watch?.close();
    clearTimeout(this.#lookTimer);
    await this.#refreshing;
    this.#deaths.forgetAll();
  }

  /** Of all that are in the roster. */
  watchDeaths(): void {
    const { roster } = this.#options;
    const watched = roster.all.filter((consumer) => this.#deaths.watch(consumer));
    const { unfitForMs = Number.POSITIVE_INFINITY } = roster;
    const unfitMs = Math.min(Math.max(unfitForMs, UNFIT_MS.least), UNFIT_MS.most);
    if (watched.length < roster.all.length) this.#lookLater(LOOK_MS);
    else if (unfitForMs < Number.POSITIVE_INFINITY) this.#lookLater(unfitMs);
  }

  #lookLater(afterMs: number): void {
    if (this.#stopped) return;
    const { roster, onError } = this.#options;
    const look = () => {
      const isOver = roster.all.some((consumer) => roster.isGone(consumer));
      if (isOver || roster.unfitForMs !== undefined) this.#refreshSoon();
      else this.watchDeaths();
    };
    const onTrouble = (error: unknown) => {
      onError(error);
      this.#lookLater(LOOK_MS);
    };
    clearTimeout(this.#lookTimer);
    this.#lookTimer = setTimeout(guarded(look, onTrouble), afterMs).unref();
  }

  /** @param key of a consumer that has left or ended */
  forgetDeath(key: string): void {
    this.#deaths.forget(key);
  }

  #look(): void {
    this.#options.roster.look();
    this.watchDeaths();
    this.#options.onRefreshed();
  }

  #refreshSoon(): void {
    this.#again = true;
    this.#refreshing ??= this.#tracked(this.#refreshLoop());
  }

  #tracked(work: Promise<void>): Promise<void> {
    return work
      .catch((error) => {
        this.#options.onError(error);
        this.#refreshLater();
      })
      .finally(() => {
        this.#refreshing = undefined;
        if (this.#again && !this.#stopped) this.#refreshSoon();
      });
  }

  #refreshLater(): void {
    if (this.#stopped) return;
    clearTimeout(this.#lookTimer);
    this.#lookTimer = setTimeout(() => this.#refreshSoon(), LOOK_MS).unref();
  }

  async #refreshLoop(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      this.#look();
      await this.#options.roster.tidy(); // takes its time: others may be writing
    }
  }
}
