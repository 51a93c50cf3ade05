import { steadyMs } from '../clock.ts';
import type { Store } from '../queue/store.ts';

/** Timers stand still while the machine sleeps, delays do not: looked at again after this; ms. */
const LOOK_MS = 60_000;
/** Pause after the store could not be read; ms. */
const RETRY_MS = 1000;

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
    const { store, onError } = this.#options;
    void store.nextDue().then(
      (due) => {
        if (due === this.#due) return;
        clearTimeout(this.#timer);
        this.#due = due;
        if (due === undefined || this.#stopped) return;
        this.#set(Math.min(Math.max(due - steadyMs(), 0) + 1, LOOK_MS));
      },
      (error) => {
        onError(error);
        clearTimeout(this.#timer);
        if (!this.#stopped) this.#set(RETRY_MS);
      },
    );
  }

  #set(wait: number): void {
    this.#timer = setTimeout(() => {
      this.#due = undefined;
      this.#options.onDue();
      this.arm();
    }, wait);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
