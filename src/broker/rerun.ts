/** Pause after work that failed; ms. */
const RERUN_PAUSE_MS = 1000;

/**
 * Work that is asked for more often than it has to be done. What asks for it while it is under way has it done once
 * more afterwards; it never runs twice at a time. So what it reads last is what it acts on last, however late, and in
 * whatever order, a store would answer.
 */
export class Rerun {
  readonly #onError: (error: unknown) => void;
  #work: (() => Promise<void>) | undefined;
  #isAsked = false;
  #isRunning = false;
  #isStopped = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param onError hears what the work rejects with; it is tried again after a second */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Who asked before is served now. */
  start(work: () => Promise<void>): void {
    this.#work = work;
    this.#runSoon();
  }

  /** As often as you like. When nothing is under way the work begins before this returns. */
  ask(): void {
    this.#isAsked = true;
    this.#runSoon();
  }

  /** Instead of what was to be asked later. @param ms undefined: nothing is */
  askIn(ms: number | undefined): void {
    clearTimeout(this.#timer);
    if (ms === undefined || this.#isStopped) return;
    this.#timer = setTimeout(() => this.ask(), ms).unref();
  }

  /** Begins nothing any more; resolves when what is under way has ended. */
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
