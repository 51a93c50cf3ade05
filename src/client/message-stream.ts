import type { Message } from './message.ts';

type Result = IteratorResult<Message, undefined>;

const DONE: Result = { done: true, value: undefined };

/** Messages that wait for the loops that take them, in the order of arrival. */
export class MessageStream {
  readonly #close: () => Promise<void>;
  readonly #arrived: Message[] = [];
  readonly #waiting: ((result: Result) => void)[] = [];
  #isEnded = false;

  /** @param close closes the consumer: leaving its loop means that no more messages are wanted */
  constructor(close: () => Promise<void>) {
    this.#close = close;
  }

  take(message: Message): void {
    if (this.#isEnded) void message.release({ now: true });
    else {
      const take = this.#waiting.shift();
      if (take) take({ done: false, value: message });
      else this.#arrived.push(message);
    }
  }

  /** Ends the loops. Messages that none of them has received go back. */
  end(): void {
    this.#isEnded = true;
    for (const message of this.#arrived.splice(0)) void message.release({ now: true });
    for (const take of this.#waiting.splice(0)) take(DONE);
  }

  /** One loop over the messages. */
  iterator(): AsyncIterableIterator<Message, undefined> {
    /** The body of the loop is working on it. */
    let current: Message | undefined;
    const next = async (): Promise<Result> => {
      current = undefined;
      const result = await this.#next();
      current = result.value;
      return result;
    };
    const leave = async (): Promise<Result> => {
      // Left by `break`, `return` or an exception: what was not settled has not been done.
      await current?.fail('The loop over the messages was left.');
      await this.#close();
      return DONE;
    };
    const iterator = { next, return: leave, [Symbol.asyncIterator]: () => iterator };
    return iterator;
  }

  #next(): Result | Promise<Result> {
    const message = this.#arrived.shift();
    if (message) return { done: false, value: message };
    if (this.#isEnded) return DONE;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
