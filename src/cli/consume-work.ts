import { isatty } from 'node:tty';
import type { Message } from '../client/message.ts';
import { Exit, SigmqError } from '../errors.ts';
import { DEFAULT_LINGER_MS } from '../options/values.ts';
import { Batches } from './batches.ts';
import { cliErrors } from './errors.ts';
import { formatOf, type OutputFlags } from './format.ts';
import { NotDone } from './job-errors.ts';
import { Printer } from './printer.ts';
import { watchReader } from './reader-watch.ts';
import { replyTo } from './replying.ts';
import { report, say } from './report.ts';
import { Runner } from './runner.ts';
import type { EndingSignal } from './shutdown.ts';
import { STDOUT } from './stdio.ts';

/** What is to be done with messages. */
export interface WorkFlags extends OutputFlags {
  readonly jobs?: number;
  readonly jobTimeout?: number;
  readonly reply?: true;
  readonly batch?: number;
  readonly linger?: number;
  readonly partial?: true;
  readonly quiet?: true;
}

export interface WorkOptions {
  /** Empty: messages are printed. */
  readonly command: readonly string[];
  readonly flags: WorkFlags;
  /** The runtime directory. */
  readonly folder: string;
  readonly maxReplyBytes: () => number;
  /** No message can be worked on any more, which shows between two of them: how to end. */
  readonly onOver: (code: number) => void;
}

/** What a session does with its messages: it prints them, or runs a command for each, or for several together. */
export class MessageWork {
  readonly #options: WorkOptions;
  readonly #handle: (message: Message) => void | Promise<void>;
  #runner: Runner | undefined;
  #batches: Batches | undefined;
  /** Said last. */
  #said: unknown;
  #isStopping = false;

  /** @throws SigmqError two-formats, bad-format */
  constructor(options: WorkOptions) {
    this.#options = options;
    this.#handle = options.command.length > 0 ? this.#running() : this.#printing();
  }

  /** @throws what the library reports: anything but a {@link NotDone} */
  handle(message: Message): void | Promise<void> {
    const onFailed = (error: unknown) => this.#onFailed(message, error);
    try {
      return this.#handle(message)?.catch(onFailed);
    } catch (error) {
      onFailed(error);
    }
  }

  /** No further message comes: what waits for one is worked on. */
  hurry(): void {
    this.#batches?.hurry();
  }

  /** Nothing else is begun. @param signal what ends the session */
  stop(signal?: EndingSignal): void {
    this.#isStopping = true;
    this.#runner?.stopping(signal);
    this.#batches?.stop();
  }

  /** Ends the commands that are running. */
  kill(): void {
    this.#runner?.kill();
  }

  #onFailed(message: Message, error: unknown): void {
    if (!(error instanceof NotDone)) throw error;
    // What is true of a whole batch is said once.
    if (error !== this.#said) tell(error, this.#options.flags);
    this.#said = error;
    void error.settle(message);
  }

  #running(): (message: Message) => Promise<void> {
    const { command, folder, flags, maxReplyBytes, onOver } = this.#options;
    const runner = new Runner({
      command,
      folder,
      timeoutMs: flags.jobTimeout,
      onHopeless: (error) => {
        if (!this.#isStopping) onOver(report(error));
      },
    });
    this.#runner = runner;
    if (flags.batch !== undefined) return this.#batching(runner, flags.batch);
    if (!flags.reply) return (message) => runner.run(message);
    return (message) => replyTo(message, runner, maxReplyBytes);
  }

  #batching(runner: Runner, size: number): (message: Message) => Promise<void> {
    const { flags } = this.#options;
    const { jobs = 1, linger: lingerMs = DEFAULT_LINGER_MS, partial, null: nul } = flags;
    const how = { isNull: nul === true, isPartial: partial === true };
    const batches = new Batches({ runner, size, lingerMs, jobs, ...how, onStranger: say });
    this.#batches = batches;
    return (message) => batches.handle(message);
  }

  #printing(): (message: Message) => void | Promise<void> {
    const { flags, onOver } = this.#options;
    const printer = new Printer();
    const format = formatOf(flags, isatty(STDOUT));
    watchReader(() => onOver(Exit.Ok));
    /** A message that cannot be written goes back to the broker, and this consumer ends. */
    const onWriteError = (error: NodeJS.ErrnoException) => {
      onOver(error.code === 'EPIPE' ? Exit.Ok : report(cliErrors.cannotWrite(error)));
      return new NotDone(error.message, 'release now');
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
}

/** Says why a message is not done. */
export function tell(error: unknown, { quiet }: WorkFlags): void {
  if (error instanceof SigmqError) say(`${error.message} ${error.hint}`);
  else if (error instanceof NotDone) {
    if (error.isLoud || (!error.isOrdinary && !quiet)) say(error.message);
  } else if (!quiet) say(error instanceof Error ? error.message : String(error));
}
