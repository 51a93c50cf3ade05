import { clockMs } from '../clock.ts';
import type { Store } from '../queue/store.ts';
import { type DrainState, drainState, drainText, isDrained } from './drain-state.ts';
import type { Roster } from './roster.ts';

/** Messages also expire, and nobody tells: how often the store is looked at; ms. */
const LOOK_MS = 250;
/** How often the log says what is still waited for; ms. */
const SAY_MS = 60_000;

export interface DrainOptions {
  readonly store: Pick<Store, 'counts' | 'delayedUntil'>;
  readonly roster: Pick<Roster, 'all'>;
  /** Whether the store outlives the broker. */
  readonly keepsMessages: boolean;
  /** Once. */
  onEmpty(): void;
  onInfo(sentence: string): void;
  onError(error: unknown): void;
}

/**
 * Waits until everything is given out and settled, delayed messages too. Dead ones stay, and, unless it is
 * told or they would be lost, what is in paused queues.
 */
export class Drain {
  readonly #options: DrainOptions;
  #timer: NodeJS.Timeout | undefined;
  #paused = false;
  #saidAt = 0;
  #isOver = false;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  /** @param paused wait for what is in paused queues, too; may be said again */
  begin(paused: boolean): void {
    if (this.#isOver) return;
    this.#paused = paused;
    this.#saidAt = Number.NEGATIVE_INFINITY;
    this.#timer ??= setInterval(() => void this.#look(), LOOK_MS);
    void this.#look();
  }

  /** @returns whether there was something to take back */
  cancel(): boolean {
    if (!this.isOn) return false;
    this.#end();
    this.#options.onInfo('Draining was taken back: messages are taken again.');
    return true;
  }

  /** The broker stops. */
  stop(): void {
    this.#isOver = true;
    this.#end();
  }

  async state(): Promise<DrainState> {
    const { store, roster, keepsMessages } = this.#options;
    const holders = roster.all.filter(({ holding }) => holding.size > 0);
    return drainState(await store.counts(), await store.delayedUntil(), {
      heldBy: holders.map(({ pid }) => pid),
      waitsForPaused: this.#paused || !keepsMessages,
      keepsMessages,
    });
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    const state = await this.state().catch((error) => void this.#options.onError(error));
    if (!state || !this.isOn) return;
    const { onInfo, onEmpty } = this.#options;
    if (isDrained(state)) {
      this.stop();
      onInfo(`Drained: the broker stops; it ${drainText(state)}.`);
      onEmpty();
    } else if (clockMs() - this.#saidAt >= SAY_MS) {
      this.#saidAt = clockMs();
      onInfo(`Draining: no new messages are taken. The broker ${drainText(state)}.`);
    }
  }
}
