import { clockMs } from '../clock.ts';
import { LongTimer } from '../long-timer.ts';

/** Calls back when nothing has come for this long. Not while it is disarmed. */
export class IdleTimer {
  readonly #ms: number;
  readonly #lastSignalAt: () => number | undefined;
  readonly #onIdle: () => void;
  #timer: LongTimer | undefined;

  /**
   * @param lastSignalAt when the last part of a message on its way came, by `clockMs()`; undefined: none is on its
   * way
   */
  constructor(ms: number, lastSignalAt: () => number | undefined, onIdle: () => void) {
    this.#ms = ms;
    this.#lastSignalAt = lastSignalAt;
    this.#onIdle = onIdle;
  }

  arm(): void {
    this.#wait(this.#ms);
  }

  disarm(): void {
    this.#timer?.clear();
  }

  #wait(ms: number): void {
    this.#timer?.clear();
    this.#timer = new LongTimer(() => {
      const lastAt = this.#lastSignalAt();
      const left = lastAt === undefined ? 0 : lastAt + this.#ms - clockMs();
      if (left > 0) this.#wait(left);
      else this.#onIdle();
    }, ms);
  }
}
