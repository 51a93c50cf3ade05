import { steadyMs } from '../clock.ts';
import type { Store } from '../queue/store.ts';

/** Timers stand still while the machine sleeps, delays do not: looked at again after this; ms. */
const LOOK_MS = 60_000;

export interface DueTimerOptions {
  readonly store: Pick<Store, 'nextDue'>;
  /** A delayed message may be due. */
  onDue(): void;
  onError(error: unknown): void;
}

/** One timer for the next delayed message. */
export class DueTimer {
  readonly #options: DueTimerOptions;
  #timer: NodeJS.Timeout | undefined;
  /** For what it is set. */
  #due: number | undefined;
  #stopped = false;

  constructor(options: DueTimerOptions) {
    this.#options = options;
  }

  /** Sets it by what the store says now. */
  arm(): void {
    const { store, onDue, onError } = this.#options;
    void store
      .nextDue()
      .catch(onError)
      .then((due) => {
        if (due === this.#due) return;
        clearTimeout(this.#timer);
        this.#due = undefined;
        if (typeof due !== 'number' || this.#stopped) return;
        this.#due = due;
        const wait = Math.min(Math.max(due - steadyMs(), 0) + 1, LOOK_MS);
        this.#timer = setTimeout(() => {
          this.#due = undefined;
          onDue();
          this.arm();
        }, wait);
        this.#timer.unref();
      });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
