import { type FSWatcher, watch } from 'node:fs';
import { Deaths } from './deaths.ts';
import type { Roster } from './roster.ts';

export interface RosterWatchOptions {
  readonly dir: string;
  readonly roster: Roster;
  /** The roster is as the file is. */
  onRefreshed(): void;
  onError(error: unknown): void;
}

/** Has the roster read consumers.txt again when that changes, and when a consumer ends. */
export class RosterWatch {
  readonly #options: RosterWatchOptions;
  readonly #deaths = new Deaths(() => this.#refreshSoon());
  #watcher: FSWatcher | undefined;
  #refreshing: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: RosterWatchOptions) {
    this.#options = options;
  }

  /** Resolves when the file was read for the first time. */
  async start(): Promise<void> {
    const { dir, onError } = this.#options;
    this.#watcher = watch(dir, (_event, name) => {
      if (name === null || name === 'consumers.txt') this.#refreshSoon();
    });
    this.#watcher.on('error', (error) => onError(`cannot watch ${dir}: ${error.message}`));
    this.#look();
    this.#refreshing = this.#tracked(this.#options.roster.tidy());
  }

  /** Looks no more at once; resolves when it is done with the last look. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watcher?.close();
    await this.#refreshing;
    this.#deaths.forgetAll();
  }

  /** Of all that are in the roster. */
  watchDeaths(): void {
    for (const consumer of this.#options.roster.all) this.#deaths.watch(consumer);
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
    return work.catch(this.#options.onError).finally(() => {
      this.#refreshing = undefined;
      if (this.#again && !this.#stopped) this.#refreshSoon();
    });
  }

  async #refreshLoop(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      this.#look();
      await this.#options.roster.tidy(); // takes its time: others may be writing
    }
  }
}
