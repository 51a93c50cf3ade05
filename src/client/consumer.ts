import { clockMs } from '../clock.ts';
import { decodeFrame } from '../codec/envelope.ts';
import { DEFAULT_QUEUE } from '../codec/fields.ts';
import { Reason } from '../codec/reason.ts';
import type { SigmqError } from '../errors.ts';
import type { Endpoint, Receiver } from '../link/endpoint.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { Sender } from '../link/inbound.ts';
import { Verb } from '../link/settlement.ts';
import { inspectBroker } from '../registry/broker-file.ts';
import { registerConsumer, unregisterConsumer } from '../registry/consumers-edit.ts';
import { consumersPath, isRegistered } from '../registry/consumers-file.ts';
import { fileSignature } from '../registry/file-signature.ts';
import { Presence } from '../registry/presence.ts';
import { isStopped, processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { loadAddon } from '../signals/addon.ts';
import { tell } from '../warning.ts';
import { openClientEndpoint } from './client-endpoint.ts';
import { Handled, type Name } from './handled.ts';
import { checkConsumer } from './options.ts';
import { Requester } from './requester.ts';
import { Settler, verbOf } from './settler.ts';
import { waitingIn } from './waiting.ts';

/** A broker waits longer than this for an answer in any case, also when we are stopped (stall-watch.ts); ms. */
const SURE_MS = 250;

/** A message as its consumer sees it. */
export interface Message {
  readonly body: Uint8Array;
  /** Stable over redeliveries; undefined from a plain broker. */
  readonly id: number | undefined;
  readonly queue: string;
  /** 1 for the first; grows with each failure. */
  readonly attempt: number;
  /** How often it was given back before. */
  readonly releases: number;
  readonly headers: readonly (readonly [string, string])[];
  /**
   * The work on it goes on: its ack-wait, if there is one, begins anew.
   * @returns false: it is no longer ours, or nobody can be told
   */
  extend(): Promise<boolean>;
}

/**
 * Handles one message. Returning means done, at once; a promise means later: done when it resolves.
 * Throwing or rejecting means failed: it comes again, here or elsewhere, until its attempts are used up.
 * An error with `settle: 'release'` gives the message back, to be tried later, without spending an attempt; with
 * `settle: 'return'`, at once; with `settle: 'dead'` nobody gets it again.
 */
export type Handler = (message: Message) => void | Promise<void>;

export interface ConsumerOptions {
  readonly dir?: string | undefined;
  /** Queues to take from; default: `default`. */
  readonly queues?: readonly string[] | undefined;
  /** Messages at once; default 1. */
  readonly jobs?: number | undefined;
  /** How long it may keep a message before it goes to another; default: as the broker says; ms. */
  readonly ackWaitMs?: number | undefined;
  /** Hears what goes wrong, a handler's errors too. Without it they are warnings of the process. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** The runtime directory is gone and cannot be made again: nothing comes any more. Default: `onError`. */
  readonly onLost?: ((error: SigmqError) => void) | undefined;
}

/**
 * Takes messages from the broker of one runtime directory, whichever process that is: it survives a
 * restart of the broker, and may be started first.
 *
 * @example
 * const consumer = await Consumer.start((message) => console.log(Buffer.from(message.body).toString()));
 * // ...
 * await consumer.stop();
 */
export class Consumer {
  readonly dir: string;
  readonly #handler: Handler;
  readonly #options: ConsumerOptions;
  readonly #endpoint: Endpoint;
  readonly #receiver: Receiver;
  readonly #requester: Requester;
  readonly #table = processTable();
  readonly #start: number;
  readonly #settler: Settler;
  readonly #handled = new Handled();
  /** Who delivered last, `pid:start`, and the incarnation that it told: this process, not one consumer of it. */
  static #told = { by: '', incarnation: 0 };
  #presence: Presence | undefined;
  #stopping = false;
  #stopped: Promise<void> | undefined;

  /**
   * Makes this process safe to signal and only then registers it.
   * @throws SigmqError when the runtime directory, or a file in it, cannot be created or is unsafe
   */
  static async start(handler: Handler, options: ConsumerOptions = {}): Promise<Consumer> {
    checkConsumer(handler, options);
    const dir = openRuntimeDir({ dir: options.dir, env: process.env, create: true });
    const consumer = new Consumer(dir, handler, options);
    try {
      await consumer.#register();
      consumer.#stay();
    } catch (error) {
      await consumer.#endpoint.close(consumer.#receiver); // or it would keep the process alive
      throw error;
    }
    return consumer;
  }

  private constructor(dir: string, handler: Handler, options: ConsumerOptions) {
    this.dir = dir;
    this.#handler = handler;
    this.#options = options;
    const table = this.#table;
    this.#start = table.read(process.pid)?.start ?? 0;
    this.#receiver = {
      onFrame: (sender, frame) => this.#judge(sender, frame),
      onPlain: (_sender, body) => this.#takePlain(body),
      lingers: () => this.#settler.idle,
      onBug: this.#report,
    };
    this.#endpoint = openClientEndpoint(dir, table, this.#receiver);
    this.#requester = new Requester(dir, table, this.#endpoint);
    this.#settler = new Settler({
      dir,
      table,
      endpoint: this.#endpoint,
      handled: this.#handled,
      onError: this.#report,
    });
  }

  /** Why this consumer cannot confirm what it takes; undefined with the addon. */
  get plainBecause(): string | undefined {
    return this.#endpoint.plainBecause;
  }

  /**
   * How many messages the broker has that this consumer could get now, or holds.
   * @throws SigmqError no broker runs, or it does not answer
   */
  waiting(): Promise<number> {
    const { queues = [DEFAULT_QUEUE] } = this.#options;
    return waitingIn(this.#requester, queues);
  }

  /** How many messages have ended without a broker's having heard how: they will come again. */
  get unheard(): number {
    return this.#settler.unheard;
  }

  /** When the last signal came of what is on its way here, by `clockMs()`; undefined: nothing is. */
  get lastSignalAt(): number | undefined {
    return this.#endpoint.lastSignalAt;
  }

  /** Whether there is a broker, and it is not stopped (Ctrl-Z): who runs will answer. */
  isBrokerRunning(): boolean {
    const broker = inspectBroker(this.dir, this.#table);
    const info = broker.ok ? this.#table.read(broker.pid) : undefined;
    return info !== undefined && !isStopped(info);
  }

  /** Takes nothing new, settles what is in hand, leaves the registry. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.#presence?.stop();
    await unregisterConsumer(this.dir, process.pid, this.#start, this.#table).catch(this.#report);
    await this.#endpoint.drained();
    this.#stopping = true;
    await this.#settler.settled();
    await this.#endpoint.close(this.#receiver);
  }

  async #register(): Promise<void> {
    const { queues = [DEFAULT_QUEUE], jobs = 1, ackWaitMs } = this.#options;
    const attrs = {
      ...(this.#start > 0 ? { start: String(this.#start) } : {}),
      ...(queues.join() === DEFAULT_QUEUE ? {} : { queues: queues.join() }),
      ...(jobs === 1 ? {} : { jobs: String(jobs) }),
      ...(ackWaitMs === undefined ? {} : { ackwait: String(ackWaitMs) }),
      ...(this.plainBecause === undefined ? {} : { peer: 'plain' }),
    };
    await registerConsumer(this.dir, process.pid, attrs, this.#table);
  }

  #stay(): void {
    const { dir, onLost = this.#report } = this.#options;
    const start = this.#start;
    let seen = '';
    this.#presence = new Presence({
      request: { dir, env: process.env },
      dir: this.dir,
      shareLock: loadAddon().addon?.shareLock,
      isThere: () => {
        const now = fileSignature(consumersPath(this.dir));
        if (now === seen) return now !== '';
        if (!isRegistered(this.dir, process.pid, start)) return false;
        seen = now;
        return true;
      },
      putBack: () => this.#register(),
      onWarning: (sentence) => this.#report(new Error(sentence)),
      onLost,
    });
  }

  /** A delivery. The answer settles it, or says that a settlement follows. */
  #judge(sender: Sender, frame: Uint8Array): Verdict {
    const decoded = decodeFrame(frame);
    if (decoded.kind === 'unsupported') return Reason.Unsupported;
    if (decoded.kind !== 'envelope') return Reason.Damaged;
    const { body, fields } = decoded.envelope;
    const { id, attempt = 1, queue = DEFAULT_QUEUE, headers = [], releases = 0 } = fields;
    if (decoded.envelope.control) return this.#requester.judge(decoded.envelope);
    if (id === undefined) return Reason.Unsupported;
    const incarnation = this.#incarnationOf(sender, fields.incarnation);
    const name = { id, incarnation, delivery: fields.delivery ?? attempt };
    const before = this.#handled.get(name);
    if (before) {
      this.#settler.heard(name);
      if (before.settled) this.#settler.settle(name, before.settled);
      return before.verdict;
    }
    if (this.#stopping) return Reason.Closing;
    const extend = () => this.#settler.extend(name);
    return this.#handle(name, {
      id,
      attempt,
      queue,
      headers,
      releases,
      body: body.slice(),
      extend,
    });
  }

  #handle(name: Name, message: Message): Verdict {
    try {
      const began = clockMs();
      const working = this.#handler(message);
      // Who has stood still meanwhile (Ctrl-Z, `stty tostop`) was given up, and the answer may go unheard.
      const isSure = clockMs() - began < SURE_MS;
      if (!isPromise(working) && isSure) return this.#handled.add(name, 0);
      this.#settler.settleAfter(name, Promise.resolve(working));
      return this.#handled.add(name, Reason.Later);
    } catch (error) {
      const verb = verbOf(error);
      // As if it had never come.
      if (verb === Verb.Return) return Reason.Closing;
      if (verb === Verb.Dead || verb === Verb.Release) {
        this.#settler.settleAfter(name, Promise.reject(error));
        return this.#handled.add(name, Reason.Later);
      }
      this.#report(error);
      return this.#handled.add(name, Reason.Failed);
    }
  }

  /** In which a delivery was made: what its broker told last, unless it says another. */
  #incarnationOf({ pid, start }: Sender, said: number | undefined): number {
    const by = `${pid}:${start}`;
    const incarnation = said ?? (Consumer.#told.by === by ? Consumer.#told.incarnation : 0);
    Consumer.#told = { by, incarnation };
    return incarnation;
  }

  #takePlain(body: Uint8Array): void {
    if (this.#stopping) return;
    const message: Message = {
      ...{ body, id: undefined, queue: DEFAULT_QUEUE, attempt: 1, releases: 0, headers: [] },
      extend: async () => false,
    };
    try {
      const working = this.#handler(message);
      if (isPromise(working)) this.#settler.keep(working);
    } catch (error) {
      this.#report(error);
    }
  }

  readonly #report = (error: unknown): void => tell(this.#options.onError, error);
}

/** JavaScript's handlers return what they like, and a thenable is as good as a promise. */
function isPromise(value: void | Promise<void>): value is Promise<void> {
  return typeof (value as Promise<void> | undefined)?.then === 'function';
}
