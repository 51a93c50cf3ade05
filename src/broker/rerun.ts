/** Pause after the work has failed; ms. */
const RERUN_PAUSE_MS = 1000;

/**
 * Work that is asked for more often than it needs to be done. If it is asked for while under way, it is done once
 * more afterwards; it never runs twice at a time. So what it read last is what it acts on last, however late and in
 * whatever order a store answers.
 */
export class Rerun {
  readonly #onError: (error: unknown) => void;
  #work: (() => Promise<void>) | undefined;
  #isAsked = false;
  #isRunning = false;
  #isStopped = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param onError called with what the work rejects with; it is retried after a second */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Earlier calls to `ask` are served now. */
  start(work: () => Promise<void>): void {
    this.#work = work;
    this.#runSoon();
  }

  /** May be called as often as you like. If nothing is under way, the work begins before this returns. */
  ask(): void {
    this.#isAsked = true;
    this.#runSoon();
  }

  /** Replaces what was scheduled before. @param ms undefined: schedule nothing */
  askIn(ms: number | undefined): void {
    clearTimeout(this.#timer);
    if (ms === undefined || this.#isStopped) return;
    this.#timer = setTimeout(() => this.ask(), ms).unref();
  }

  /** Starts nothing more; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #runSoon(): void {
    if (this.#work && !this.#isRunning) this.#running = this.#run(this.#work);
  }

  async #run(work: () => Promise<void>): Promise<void> {
    this.#isRunning = true;
    while (this.#isAsked && !this.#isStopped) {
      this.#isAsked = false;
      try {
        await work();
      } catch (error) {
        this.#onError(error);
        this.askIn(RERUN_PAUSE_MS);
      }
    }
    this.#isRunning = false;
  }
}
