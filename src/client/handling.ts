import type { Message } from './message.ts';
import type { Handler } from './options.ts';

export interface HandlingOptions {
  readonly handler: Handler;
  /** Messages that are worked on at once. */
  readonly jobs: number;
  /** The work ends with the promise. */
  keep(work: Promise<unknown>): void;
  onError(error: unknown): void;
}

/** Gives messages to a handler, in order, so many at once; the others wait. */
export class Handling {
  readonly #options: HandlingOptions;
  readonly #waiting: Message[] = [];
  #working = 0;
  #isStarted = false;
  #isEnded = false;

  constructor(options: HandlingOptions) {
    this.#options = options;
  }

  take(message: Message): void {
    if (this.#isEnded) void message.release({ now: true });
    else if (this.#isStarted && this.#working < this.#options.jobs) this.#work(message);
    else this.#waiting.push(message);
  }

  /** Until then, all of them wait. */
  start(): void {
    this.#isStarted = true;
    this.#workOn();
  }

  /** What nobody has begun to work on goes back. */
  end(): void {
    this.#isEnded = true;
    for (const message of this.#waiting.splice(0)) void message.release({ now: true });
  }

  #work(message: Message): void {
    const { handler, keep } = this.#options;
    try {
      const working = handler(message);
      if (!isPromise(working)) void message.done();
      else {
        this.#working++;
        const done = () => message.done();
        const failed = (error: unknown) => this.#onFailed(message, error);
        keep(Promise.resolve(working).then(done, failed));
        void Promise.resolve(working).then(this.#onFree, this.#onFree);
      }
    } catch (error) {
      this.#onFailed(message, error);
    }
  }

  readonly #onFree = (): void => {
    this.#working--;
    this.#workOn();
  };

  #workOn(): void {
    while (this.#working < this.#options.jobs) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#work(next);
    }
  }

  #onFailed(message: Message, error: unknown): void {
    this.#options.onError(error);
    void message.fail(reasonOf(error));
  }
}

/** JavaScript's handlers return what they like, and a thenable is as good as a promise. */
function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}

/** What a handler has thrown, in a line or a few; it may be anything, and may throw when it is looked at. */
function reasonOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'The handler threw something that has no text.';
  }
}
