import { clockMs, steadyMs } from '../clock.ts';
import type { Store } from '../queue/store.ts';
import type { Journal } from './journal.ts';

/** Timers stand still while the machine sleeps, delays do not: check again after this; ms. */
const SLEEP_LOOK_MS = 60_000;
/**
 * Sweeps are at least this far apart, whatever the store says: what falls due in between is done by the next one;
 * ms.
 */
const SWEEP_PAUSE_MS = 10;

export interface DueTimerOptions {
  readonly store: Pick<Store, 'nextSweep' | 'sweep' | 'takeDropped'>;
  readonly journal: Pick<Journal, 'timing' | 'wake' | 'dropped'>;
}

/** One timer for the next message that falls due or expires; it also sweeps when no consumer is there. */
export class DueTimer {
  readonly #options: DueTimerOptions;
  #timer: NodeJS.Timeout | undefined;
  /** The time it is set for, ms since the epoch. */
  #at: number | undefined;
  #isDue = false;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(options: DueTimerOptions) {
    this.#options = options;
  }

  /** From now on it is set to what the store says, whenever the journal asks for it. */
  start(): void {
    const { timing } = this.#options.journal;
    timing.start(() => this.#run());
    timing.ask();
  }

  /** Resolves when the sweep under way is done. */
  async stop(): Promise<void> {
    const stopped = this.#options.journal.timing.stop();
    clearTimeout(this.#timer);
    await stopped;
  }

  async #run(): Promise<void> {
    const { store } = this.#options;
    try {
      if (this.#isDue) await this.#sweep();
      this.#set(await store.nextSweep());
    } catch (error) {
      this.#isDue = true;
      throw error;
    }
  }

  async #sweep(): Promise<void> {
    const { store, journal } = this.#options;
    this.#isDue = false;
    this.#at = undefined;
    this.#sweptAt = clockMs();
    if (await store.sweep()) journal.wake();
    for (const dropped of store.takeDropped()) journal.dropped(dropped);
  }

  #set(at: number | undefined): void {
    const { timing } = this.#options.journal;
    if (at === this.#at || timing.isStopped) return;
    this.#at = at;
    clearTimeout(this.#timer);
    if (at === undefined) return;
    const soonest = this.#sweptAt + SWEEP_PAUSE_MS - clockMs();
    const ms = Math.min(Math.max(at - steadyMs() + 1, soonest, 0), SLEEP_LOOK_MS);
    const onDue = () => {
      this.#isDue = true;
      timing.ask();
    };
    this.#timer = setTimeout(onDue, ms).unref();
  }
}
