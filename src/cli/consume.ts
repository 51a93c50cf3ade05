import { Consumer } from '../client/consumer.ts';
import type { Message } from '../client/message.ts';
import type { ConsumerOptions } from '../client/options.ts';
import { Exit, SigmqError } from '../errors.ts';
import type { QueueChoice } from '../options/weights.ts';
import { inspectBroker } from '../registry/broker-file.ts';
import { processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { MessageWork, tell, type WorkFlags } from './consume-work.ts';
import { isStdoutClosed } from './descriptors.ts';
import { cliErrors } from './errors.ts';
import { IdleTimer } from './idle-timer.ts';
import { missingLines } from './log.ts';
import { neverWaitForReaders } from './output.ts';
import { assertUnchangedEnvironment } from './raw-bytes.ts';
import { report, say } from './report.ts';
import { type EndingSignal, endBy, onShutdown } from './shutdown.ts';
import { untilEmpty } from './until-empty.ts';

/** Messages for a consumer that only prints, in two frames. While its reader is stuck, nobody else gets these. */
const PREFETCH = 256;

export interface ConsumeFlags extends WorkFlags {
  readonly dir?: string;
  readonly queue?: readonly QueueChoice[];
  readonly group?: string;
  readonly count?: number;
  readonly timeout?: number;
  readonly exitEmpty?: true;
  readonly ackWait?: number;
  readonly compress?: boolean;
}

/** `sigmq consume`. @returns the exit code */
export async function consume(command: readonly string[], flags: ConsumeFlags): Promise<number> {
  try {
    if (command.length > 0) assertUnchangedEnvironment();
    else if (isStdoutClosed()) throw cliErrors.noStdout();
    const { signal, code } = await new Session(command, flags).run();
    return signal ? endBy(signal) : code;
  } catch (error) {
    return report(error);
  }
}

/** How a session ends: with a code, or as if by the signal. */
interface SessionEnd {
  readonly code: number;
  readonly signal?: EndingSignal;
}

/** One session: from the first message to the reason to end. */
class Session {
  readonly #flags: ConsumeFlags;
  readonly #command: readonly string[];
  readonly #ended: Promise<SessionEnd>;
  #resolve: (ending: SessionEnd) => void = () => {};
  #work: MessageWork | undefined;
  #consumer: Consumer | undefined;
  #isEnding = false;
  /** Messages taken, and how many of them are not settled. */
  #taken = 0;
  #inHand = 0;
  #idle: IdleTimer | undefined;

  constructor(command: readonly string[], flags: ConsumeFlags) {
    this.#flags = flags;
    this.#command = command;
    this.#ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  async run(): Promise<SessionEnd> {
    const { queue: queues, ackWait: ackWaitMs, quiet, exitEmpty, batch } = this.#flags;
    const { count, compress, group } = this.#flags;
    const jobs = batch === undefined ? this.#flags.jobs : batch * (this.#flags.jobs ?? 1);
    // A command that is at work keeps no message from other consumers.
    const prefetch = this.#command.length > 0 ? undefined : PREFETCH;
    neverWaitForReaders(missingLines({ logFormat: 'text' }));
    const dir = openRuntimeDir({ dir: this.#flags.dir, env: process.env, create: true });
    // Before the first message can come.
    const work = new MessageWork({
      command: this.#command,
      flags: this.#flags,
      folder: dir,
      maxReplyBytes: () => this.#consumer?.maxReplyBytes ?? 0,
      onOver: (code) => this.#end(code),
    });
    this.#work = work;
    const onError = (error: unknown) => tell(error, this.#flags);
    const onLost = (error: SigmqError) => this.#end(report(error));
    const handler = (message: Message) => this.#take(work, message);
    const wants = { queues, group, jobs, prefetch, count, compress, ackWaitMs };
    const options = { dir, handler, ...wants, onError, onLost };
    onShutdown(
      (signal) => this.#end(Exit.Ok, signal),
      () => work.kill(),
    );
    const consumer = await this.#open(options);
    if (!consumer) return this.#sessionEnd(await this.#ended);
    this.#consumer = consumer;
    if (consumer.plainBecause) {
      say(
        `running as a plain peer (${consumer.plainBecause}): slow, and a message in hand can be lost.`,
      );
    }
    if (!quiet) say(`consumer ${process.pid} waits for messages in ${consumer.dir}`);
    if (group === undefined) this.#startIdleTimer(() => consumer.lastSignalAt);
    if (exitEmpty) {
      void this.#endWhenEmpty(consumer).catch((error) => {
        // Nobody needs the answer of a consumer that is ending for another reason.
        if (!this.#isEnding) this.#end(report(error));
      });
    }
    const { code, signal } = await this.#ended;
    this.#idle?.disarm();
    await consumer.close();
    if (consumer.unheard > 0) {
      const error = cliErrors.unsettled(consumer.unheard);
      if (code === Exit.Ok && this.#isMeantToEnd) throw error;
      if (!quiet) say(`${error.message} ${error.hint}`);
    }
    return this.#sessionEnd({ code, ...(signal && { signal }) });
  }

  #sessionEnd({ code, signal }: SessionEnd): SessionEnd {
    // Ctrl-C always ends what runs around us, too; the other signals are how a service is stopped, unless it has a
    // count to reach.
    const isIncomplete = this.#taken < (this.#flags.count ?? 0);
    return signal === 'SIGINT' || (signal && isIncomplete) ? { code, signal } : { code };
  }

  /** @returns undefined: it was to end before a broker had made its group */
  async #open(options: ConsumerOptions & { dir: string }): Promise<Consumer | undefined> {
    const { group, dir } = options;
    const { exitEmpty } = this.#flags;
    if (group === undefined) return Consumer.open(options);
    const broker = inspectBroker(dir, processTable());
    if (!broker.ok) {
      if (exitEmpty) throw broker.error;
      if (!this.#flags.quiet)
        say(`no broker is running yet: group ${group} gets what is sent once one has made it.`);
    }
    const opening = new AbortController();
    let consumer: Consumer | undefined;
    this.#startIdleTimer(() => consumer?.lastSignalAt);
    void this.#ended.then(() => {
      if (!consumer) opening.abort();
    });
    const onError = (error: unknown) => {
      const isToWait = error instanceof SigmqError && error.code === 'no-group-yet';
      if (exitEmpty && isToWait) opening.abort(error.cause);
      else options.onError?.(error);
    };
    try {
      consumer = await Consumer.open({ ...options, onError, signal: opening.signal });
      return consumer;
    } catch (error) {
      if (!this.#isEnding) throw error;
      this.#idle?.disarm();
      return undefined;
    }
  }

  /** Whether somebody relies on its exit code. */
  get #isMeantToEnd(): boolean {
    return this.#flags.count !== undefined || this.#flags.exitEmpty === true;
  }

  #end(code: number, signal?: EndingSignal): void {
    this.#isEnding = true;
    this.#work?.stop(signal);
    this.#resolve(signal ? { code, signal } : { code });
  }

  #take(work: MessageWork, message: Message): void | Promise<void> {
    const { count = Number.POSITIVE_INFINITY } = this.#flags;
    if (this.#isEnding || this.#taken >= count) {
      void message.release({ now: true });
      return;
    }
    this.#taken++;
    this.#inHand++;
    this.#idle?.disarm();
    const working = work.handle(message);
    if (this.#taken >= count) work.hurry();
    if (working) return working.finally(() => this.#onHandled());
    this.#onHandled();
  }

  #onHandled(): void {
    this.#inHand--;
    if (this.#isEnding) return;
    if (this.#inHand === 0 && this.#taken >= (this.#flags.count ?? Number.POSITIVE_INFINITY)) {
      this.#end(Exit.Ok);
    } else if (this.#inHand === 0) this.#idle?.arm();
  }

  #startIdleTimer(lastSignalAt: () => number | undefined): void {
    const { timeout, quiet } = this.#flags;
    if (timeout === undefined) return;
    const onIdle = () => {
      if (!quiet) say(`no message for ${timeout} ms.`);
      this.#end(Exit.Timeout);
    };
    this.#idle = new IdleTimer(timeout, lastSignalAt, onIdle);
    if (this.#inHand === 0) this.#idle.arm();
  }

  async #endWhenEmpty(consumer: Consumer): Promise<void> {
    const isBusy = () => this.#inHand > 0;
    if (!(await untilEmpty(consumer, isBusy, () => this.#isEnding))) return;
    this.#end(this.#flags.count === undefined ? Exit.Ok : Exit.TryAgain);
  }
}
