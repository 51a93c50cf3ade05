import { Gathering, type GatheringOptions } from '../client/gathering.ts';
import type { Message } from '../client/message.ts';
import { inputOf, misfitOf, namedIn } from './batch-input.ts';
import { jobErrors } from './job-errors.ts';
import { batchVariablesOf } from './job-variables.ts';
import type { Runner } from './runner.ts';

export interface BatchesOptions extends GatheringOptions {
  readonly runner: Runner;
  /** Commands that run at a time. */
  readonly jobs: number;
  /** What separates messages on the input of a command: a newline, or a zero byte. */
  readonly isNull: boolean;
  /** The command names what it has done. */
  readonly isPartial: boolean;
  /** It wrote something else. */
  onStranger(sentence: string): void;
}

/** A message, and who waits for what becomes of it. */
interface Entry {
  readonly message: Message;
  resolve(): void;
  reject(why: unknown): void;
}

/** Bytes of an id, and what goes with it. */
const ID_BYTES = 32;
/** Beside that, for what does not belong there; bytes. */
const MORE_BYTES = 4096;

/** Runs one command for many messages: `consume --batch`. */
export class Batches {
  readonly #options: BatchesOptions;
  readonly #gathering: Gathering<Entry>;

  constructor(options: BatchesOptions) {
    this.#options = options;
    this.#gathering = new Gathering(options);
    for (let n = 0; n < options.jobs; n++) void this.#runAll();
  }

  /** Resolves when the message is done. @throws NotDone */
  handle(message: Message): Promise<void> {
    const misfit = misfitOf(message, this.#options.isNull);
    if (misfit) return Promise.reject(jobErrors.misfit(message.id, misfit));
    return new Promise((resolve, reject) => this.#gathering.add({ message, resolve, reject }));
  }

  /** No more messages will come. */
  hurry(): void {
    this.#gathering.hurry();
  }

  /** Starts nothing more: what no command has yet goes back. */
  stop(): void {
    const back = jobErrors.notBegun();
    for (const { reject } of this.#gathering.end()) reject(back);
  }

  async #runAll(): Promise<void> {
    for (;;) {
      const batch = await this.#gathering.next();
      if (!batch) return;
      await this.#run(batch);
    }
  }

  /** Never rejects. Everybody hears at the same time, so that the broker is told in one frame. */
  async #run(batch: readonly Entry[]): Promise<void> {
    const messages = batch.map(({ message }) => message);
    const failures = await this.#failuresOf(messages);
    for (const [n, { resolve, reject }] of batch.entries()) {
      const failure = failures[n];
      if (failure === undefined) resolve();
      else reject(failure);
    }
  }

  /** Of each; undefined: it is done. */
  async #failuresOf(messages: readonly Message[]): Promise<unknown[]> {
    const { runner, isNull, isPartial, onStranger } = this.#options;
    try {
      const end = await runner.execute({
        body: inputOf(messages, { isNull, isPartial }),
        variables: batchVariablesOf(messages),
        ...(isPartial ? { maxOutputBytes: messages.length * ID_BYTES + MORE_BYTES } : {}),
      });
      const failure = end.isTooLong ? jobErrors.tooMuchSaid() : await runner.failureOf(end);
      if (!isPartial || end.isTooLong) return messages.map(() => failure);
      const { named, stranger } = namedIn(end.output, messages, end.code !== null);
      if (stranger !== undefined) onStranger(jobErrors.stranger(stranger));
      const unnamed = failure ?? jobErrors.unnamed(messages.length - named.size);
      return messages.map((message) => (named.has(message) ? undefined : unnamed));
    } catch (error) {
      return messages.map(() => error);
    }
  }
}
