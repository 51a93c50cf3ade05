import { isatty } from 'node:tty';
import { Consumer, type Message } from '../client/consumer.ts';
import { Exit, SigmqError } from '../errors.ts';
import { LongTimer } from '../long-timer.ts';
import type { ConsumeFlags } from './consume-command.ts';
import { cliErrors } from './errors.ts';
import { formatOf } from './format.ts';
import { missingLines } from './log.ts';
import { neverWaitForReaders } from './output.ts';
import { Printer } from './printer.ts';
import { report, say } from './report.ts';
import { Runner } from './runner.ts';
import { onShutdown } from './shutdown.ts';

const STDOUT = 1;
/** How often to ask whether nothing is ready, while what is does not come: others may have taken it; ms. */
const LOOK_MS = 200;

/** `sigmq consume`. @returns the exit code */
export async function consume(command: readonly string[], flags: ConsumeFlags): Promise<number> {
  try {
    const session = new Session(command, flags);
    return await session.run();
  } catch (error) {
    return report(error);
  }
}

/** One run: from the first message to the reason to end. */
class Session {
  readonly #flags: ConsumeFlags;
  readonly #handle: (message: Message) => void | Promise<void>;
  readonly #runner: Runner | undefined;
  readonly #ended: Promise<number>;
  #end: (code: number) => void = () => {};
  #isEnding = false;
  /** Messages taken, and those of them that are not settled. */
  #taken = 0;
  #inHand = 0;
  #idle: LongTimer | undefined;

  constructor(command: readonly string[], flags: ConsumeFlags) {
    this.#flags = flags;
    this.#ended = new Promise((resolve) => {
      this.#end = (code) => {
        this.#isEnding = true;
        this.#runner?.stopping();
        resolve(code);
      };
    });
    if (command.length === 0) this.#handle = this.#printing();
    else {
      const runner = new Runner(command, (code) => this.#end(code));
      this.#runner = runner;
      this.#handle = (message) => runner.run(message);
    }
  }

  async run(): Promise<number> {
    const { dir, queue: queues, jobs, ackWait: ackWaitMs, quiet, exitEmpty } = this.#flags;
    neverWaitForReaders(missingLines({ logFormat: 'text' }));
    const onError = (error: unknown) => this.#onError(error);
    const onLost = (error: SigmqError) => this.#end(report(error));
    const options = { dir, queues, jobs, ackWaitMs, onError, onLost };
    onShutdown(
      () => this.#end(Exit.Ok),
      () => this.#runner?.kill(),
    );
    const consumer = await Consumer.start((message) => this.#take(message), options);
    if (consumer.plainBecause) {
      say(
        `running as a plain peer (${consumer.plainBecause}): slow, and a message in hand can be lost.`,
      );
    }
    if (!quiet) say(`consumer ${process.pid} waits for messages in ${consumer.dir}`);
    this.#awaitMessage();
    if (exitEmpty) void this.#endWhenEmpty(consumer).catch((error) => this.#end(report(error)));
    const code = await this.#ended;
    this.#idle?.clear();
    await consumer.stop();
    return code;
  }

  #take(message: Message): void | Promise<void> {
    const { count = Number.POSITIVE_INFINITY } = this.#flags;
    if (this.#isEnding || this.#taken >= count) {
      throw Object.assign(new Error('enough'), { settle: 'return' });
    }
    this.#taken++;
    this.#inHand++;
    this.#idle?.clear();
    try {
      const working = this.#handle(message);
      if (working) return working.finally(() => this.#onHandled());
    } catch (error) {
      this.#onHandled();
      throw error;
    }
    this.#onHandled();
  }

  #onHandled(): void {
    this.#inHand--;
    if (this.#isEnding) return;
    if (this.#inHand === 0 && this.#taken >= (this.#flags.count ?? Number.POSITIVE_INFINITY)) {
      this.#end(Exit.Ok);
    } else if (this.#inHand === 0) this.#awaitMessage();
  }

  #awaitMessage(): void {
    const { timeout } = this.#flags;
    if (timeout === undefined) return;
    this.#idle?.clear();
    this.#idle = new LongTimer(() => {
      if (!this.#flags.quiet) say(`no message for ${timeout} ms.`);
      this.#end(Exit.Timeout);
    }, timeout);
  }

  async #endWhenEmpty(consumer: Consumer): Promise<void> {
    while (!this.#isEnding) {
      if (this.#inHand === 0 && (await consumer.waiting()) === 0 && this.#inHand === 0) {
        this.#end(this.#flags.count === undefined ? Exit.Ok : Exit.TryAgain);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #printing(): (message: Message) => void | Promise<void> {
    const printer = new Printer();
    const format = formatOf(this.#flags, isatty(STDOUT));
    /** A message that cannot be written goes back to the broker, and this consumer ends. */
    const onWriteError = (error: NodeJS.ErrnoException) => {
      this.#end(error.code === 'EPIPE' ? Exit.Ok : report(cliErrors.cannotWrite(error)));
      return Object.assign(error, { settle: 'return' });
    };
    return (message) => {
      try {
        return printer.print(format(message))?.catch((error) => {
          throw onWriteError(error);
        });
      } catch (error) {
        throw onWriteError(error as NodeJS.ErrnoException);
      }
    };
  }

  #onError(error: unknown): void {
    const { settle, code } = error as { settle?: unknown; code?: unknown };
    if (settle === 'return' || code === 'EPIPE') return; // said where it happened
    if (error instanceof SigmqError) say(`${error.message} ${error.hint}`);
    else if (!this.#flags.quiet) say(error instanceof Error ? error.message : String(error));
  }
}
