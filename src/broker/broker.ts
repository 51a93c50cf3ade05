import { DEFAULT_MAX_MESSAGE_BYTES, maxFrameBytes } from '../codec/limits.ts';
import { reasonName } from '../codec/reason.ts';
import { explained, SigmqError } from '../errors.ts';
import { Endpoint, type Receiver } from '../link/endpoint.ts';
import { openStore, type StoreOptions } from '../queue/open-store.ts';
import type { Store } from '../queue/store.ts';
import { storeFolder } from '../queue/store-folder.ts';
import { readBootId } from '../registry/boot-id.ts';
import { assertNoBroker, type BrokerClaim, claimBroker } from '../registry/broker-claim.ts';
import { Presence } from '../registry/presence.ts';
import { processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { loadAddon } from '../signals/addon.ts';
import { VERSION } from '../version.ts';
import { warn } from '../warning.ts';
import { Answers } from './answers.ts';
import { Counters } from './counters.ts';
import { Dispatcher } from './dispatcher.ts';
import { Drain } from './drain.ts';
import { DueTimer } from './due-timer.ts';
import { Holdings } from './holdings.ts';
import { Intake } from './intake.ts';
import { checkBroker } from './options.ts';
import { Requests } from './requests.ts';
import { Roster } from './roster.ts';
import { RosterWatch } from './roster-watch.ts';
import { Settlements } from './settlements.ts';

export interface BrokerOptions {
  /** Runtime directory; default: see docs/protocol.md, section 1. */
  readonly dir?: string | undefined;
  /** Where messages are kept; default: an SQLite file in `$XDG_STATE_HOME/sigmq`. */
  readonly store?: StoreOptions | undefined;
  /** Largest body in bytes; default 65,536. */
  readonly maxMessageBytes?: number | undefined;
  /**
   * A consumer that took a message and neither settles nor ends loses it after this; default: it keeps it as long as
   * it lives; ms.
   */
  readonly ackWaitMs?: number | undefined;
  /**
   * The broker should be stopped: somebody asked for it by a request, or (`why`) its runtime directory is gone and
   * cannot be made again.
   */
  readonly onStopRequest?: ((why?: SigmqError) => void) | undefined;
  /** Hears what it has to say. Without it warnings and errors are warnings of the process. */
  readonly onEvent?: ((event: BrokerEvent) => void) | undefined;
}

export interface BrokerEvent {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
}

/**
 * The broker of one runtime directory. Takes messages from producers, gives them to consumers in turn,
 * holds them while there is none.
 *
 * @example
 * const broker = await Broker.start({ dir: '/tmp/demo' });
 * // ...
 * await broker.stop();
 */
export class Broker {
  readonly dir: string;
  /** Why only plain peers are served; undefined with the addon. */
  readonly plainBecause: string | undefined;
  readonly #options: BrokerOptions;
  readonly #table = processTable();
  readonly #store: Store;
  readonly #endpoint: Endpoint;
  readonly #receiver: Receiver;
  readonly #intake: Intake;
  readonly #roster: Roster;
  readonly #rosterWatch: RosterWatch;
  readonly #dispatcher: Dispatcher;
  readonly #holdings: Holdings;
  readonly #requests: Requests;
  readonly #dueTimer: DueTimer;
  readonly #drain: Drain;
  #claim: BrokerClaim | undefined;
  #presence: Presence | undefined;
  #recovered = false;
  #stopped: Promise<void> | undefined;

  /**
   * Opens the store, makes this process safe to signal, and only then publishes its PID.
   * @throws SigmqError when the directory is unsafe, another broker has it, or the store cannot be opened
   */
  static async start(options: BrokerOptions = {}): Promise<Broker> {
    checkBroker(options);
    const dir = openRuntimeDir({ dir: options.dir, env: process.env, create: true });
    assertNoBroker(dir, processTable());
    const store = await openStore(
      options.store ?? { kind: 'sqlite', folder: storeFolder(dir, process.env) },
    );
    let broker: Broker | undefined;
    try {
      broker = new Broker(dir, store, options);
      await broker.#publish();
    } catch (error) {
      await (broker ? broker.stop() : store.close());
      throw error;
    }
    return broker;
  }

  private constructor(dir: string, store: Store, options: BrokerOptions) {
    this.dir = dir;
    this.#options = options;
    this.#store = store;
    const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES, ackWaitMs } = options;
    const table = this.#table;
    const counters = new Counters();
    const onChange = () => this.#onChange();
    const onWarning = (sentence: string) => this.#say('warn', sentence);
    const onError = (error: unknown) => this.#say('error', sentenceOf(error));
    this.#receiver = {
      onFrame: (sender, frame) => this.#intake.judge(sender, frame),
      onPlain: (_sender, body) => void this.#intake.takePlain(body).catch(onError),
      onBug: onError,
    };
    const endpoint = Endpoint.open({
      ...{ dir, table, receiver: this.#receiver },
      maxFrameBytes: maxFrameBytes(maxMessageBytes),
    });
    this.#endpoint = endpoint;
    if (store.warning !== undefined) onWarning(store.warning);
    this.plainBecause = endpoint.plainBecause;
    this.#intake = new Intake({
      ...{ store, bootId: readBootId(), maxMessageBytes },
      settle: (sender, settle) => settlements.take(sender, settle),
      request: (sender, request) => this.#requests.take(sender, request),
      onPublished: (batch) => {
        for (const { queue } of batch) counters.accepted(queue);
        onChange();
      },
      onRefused: (reason, messages) => counters.refused(reasonName(reason), messages),
      onStoreError: onError,
    });
    const holdings = new Holdings({
      ...{ store, ackWaitMs, onWarning, onError, onChange },
      onSettled: (queue, { kind }, became) => counters.settled(queue, kind, became === 'dead'),
    });
    this.#holdings = holdings;
    const roster = new Roster({
      ...{ dir, table, onWarning },
      onLeft: ({ key, pid }) => {
        this.#rosterWatch.forgetDeath(key);
        this.#say('info', `Consumer ${pid} left.`);
      },
      onEnded: (consumer) => {
        this.#rosterWatch.forgetDeath(consumer.key);
        this.#say('info', `Consumer ${consumer.pid} ended.`);
        counters.lostConsumer();
        void holdings.lose(consumer);
      },
    });
    this.#roster = roster;
    const settlements = new Settlements({ roster, holdings, incarnation: store.incarnation });
    this.#dispatcher = new Dispatcher({
      ...{ store, roster, endpoint, holdings, onWarning, onError },
      onDelivered: ({ queue, delivery }) => counters.delivered(queue, delivery > 1),
    });
    const wake = () => this.#wake();
    this.#rosterWatch = new RosterWatch({ dir, roster, onRefreshed: wake, onWarning, onError });
    this.#dueTimer = new DueTimer({ store, onDue: wake, onError });
    const onStop = () => options.onStopRequest?.();
    const keepsMessages = options.store?.kind !== 'memory';
    const onInfo = (sentence: string) => this.#say('info', sentence);
    const drain = new Drain({ store, roster, keepsMessages, onEmpty: onStop, onInfo, onError });
    this.#drain = drain;
    const answers = new Answers({
      ...{ dir, plainBecause: this.plainBecause, store, roster, intake: this.#intake },
      ...{ counters, drain, onStop, keepsExpired: options.store?.deadExpired === true },
    });
    this.#requests = new Requests({
      ...{ inspection: store, endpoint, table, broker: answers, onError, onChange },
    });
  }

  /** For people: where the messages are. */
  get storeName(): string {
    return this.#store.name;
  }

  /**
   * Refuses new messages, finishes the frames under way, leaves the directory. Messages that nobody has
   * settled stay in the store (and are lost with a memory store).
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#intake.closing = true;
    await this.#presence?.stop();
    const watched = this.#rosterWatch.stop();
    this.#dueTimer.stop();
    this.#drain.stop();
    await this.#dispatcher.stop();
    this.#claim?.release();
    await watched;
    await this.#requests.stop();
    this.#holdings.stop();
    await this.#endpoint.close(this.#receiver);
    await this.#store.close();
  }

  async #publish(): Promise<void> {
    await this.#claimDir();
    this.#presence = new Presence({
      request: { dir: this.#options.dir, env: process.env },
      dir: this.dir,
      shareLock: loadAddon().addon?.shareLock,
      isThere: () => this.#claim?.isThere() === true,
      putBack: async () => {
        await this.#claimDir();
        this.#rosterWatch.restart();
      },
      onWarning: (sentence) => this.#say('warn', sentence),
      onLost: (error) => this.#options.onStopRequest?.(error),
    });
    await this.#rosterWatch.start();
    await this.#holdings.recover((key) => this.#roster.holder(key));
    this.#rosterWatch.watchDeaths();
    this.#dueTimer.arm();
    this.#recovered = true;
    this.#wake();
  }

  async #claimDir(): Promise<void> {
    const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES } = this.#options;
    const { identity: store, incarnation, path } = this.#store;
    const peer = this.plainBecause === undefined ? undefined : ('plain' as const);
    const info = { maxMessageBytes, version: VERSION, store, incarnation, path, peer };
    this.#claim = await claimBroker(this.dir, info, this.#table);
  }

  /** Not before it is known what an earlier broker gave out: what goes out now would be taken for that. */
  #wake(): void {
    if (this.#recovered) this.#dispatcher.wake();
  }

  #onChange(): void {
    this.#wake();
    this.#dueTimer.arm();
  }

  #say(level: BrokerEvent['level'], message: string): void {
    const { onEvent } = this.#options;
    if (onEvent) onEvent({ level, message });
    else if (level === 'warn' || level === 'error') warn(message);
  }
}

function sentenceOf(raw: unknown): string {
  const error = explained(raw);
  if (error instanceof SigmqError) return `${error.message} ${error.hint}`;
  return error instanceof Error ? error.message : String(error);
}
