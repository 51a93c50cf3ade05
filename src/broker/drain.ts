import type { Store } from '../queue/store.ts';

/** Messages also expire, and nobody tells: how often the store is looked at; ms. */
const LOOK_MS = 250;

export interface DrainOptions {
  readonly store: Pick<Store, 'counts'>;
  /** Once. */
  onEmpty(): void;
  onError(error: unknown): void;
}

/** Waits until everything is given out and settled, delayed messages too. Dead ones stay. */
export class Drain {
  readonly #options: DrainOptions;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  begin(): void {
    if (this.#isOver) return;
    this.#timer ??= setInterval(() => void this.#look(), LOOK_MS);
    void this.#look();
  }

  stop(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { store, onEmpty, onError } = this.#options;
    const counts = await store.counts().catch((error) => void onError(error));
    const isLeft = counts?.some(({ ready, delayed, reserved }) => ready + delayed + reserved > 0);
    if (isLeft !== false || this.#isOver) return;
    this.stop();
    onEmpty();
  }
}
