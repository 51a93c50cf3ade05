import { clockMs, steadyMs } from '../clock.ts';
import type { Store } from '../queue/store.ts';

/** Timers stand still while the machine sleeps, delays do not: looked at again after this; ms. */
const LOOK_MS = 60_000;
/** Pause after the store could not be read or written; ms. */
const RETRY_MS = 1000;
/** Two sweeps are no closer together, whatever the store says: what is due in between goes with the next one; ms. */
const PAUSE_MS = 10;

export interface DueTimerOptions {
  readonly store: Pick<Store, 'nextSweep' | 'sweep'>;
  /** A delayed message became ready. */
  onDue(): void;
  onError(error: unknown): void;
}

/** One timer for the next message that gets due or expires; it does so, also when nobody is there to take it. */
export class DueTimer {
  readonly #options: DueTimerOptions;
  #timer: NodeJS.Timeout | undefined;
  /** For what it is set, ms since the epoch. */
  #at: number | undefined;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: DueTimerOptions) {
    this.#options = options;
  }

  /** Sets it by what the store says now. */
  arm(): void {
    void this.#options.store.nextSweep().then(
      (at) => this.#set(at),
      (error) => this.#retry(error),
    );
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #set(at: number | undefined): void {
    if (at === this.#at || this.#stopped) return;
    this.#at = at;
    clearTimeout(this.#timer);
    if (at === undefined) return;
    const soonest = this.#sweptAt + PAUSE_MS - clockMs();
    this.#wait(Math.min(Math.max(at - steadyMs() + 1, soonest, 0), LOOK_MS));
  }

  #retry(error: unknown): void {
    this.#options.onError(error);
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#wait(RETRY_MS);
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => void this.#sweep(), ms);
    this.#timer.unref();
  }

  async #sweep(): Promise<void> {
    this.#at = undefined;
    this.#sweptAt = clockMs();
    try {
      if (await this.#options.store.sweep()) this.#options.onDue();
      this.arm();
    } catch (error) {
      this.#retry(error);
    }
  }
}
