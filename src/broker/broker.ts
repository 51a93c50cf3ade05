import { hostname } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { closeOn } from '../close-on.ts';
import { DEFAULT_MAX_MESSAGE_BYTES, maxFrameBytes } from '../codec/limits.ts';
import type { SigmqError } from '../errors.ts';
import { MAX_BATCH_BYTES } from '../link/batch-size.ts';
import { Endpoint, type Receiver } from '../link/endpoint.ts';
import { ACCEPTS } from '../link/messages.ts';
import { MAX_QUEUES_TOLD } from '../link/request.ts';
import { openStore } from '../queue/open-store.ts';
import type { Store, StoreNews } from '../queue/store.ts';
import { storeFolder } from '../queue/store-folder.ts';
import { readBootId } from '../registry/boot-id.ts';
import { assertNoBroker, type BrokerClaim, claimBroker } from '../registry/broker-claim.ts';
import { placeOf } from '../registry/place.ts';
import { Presence } from '../registry/presence.ts';
import { processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { loadAddon } from '../signals/addon.ts';
import type { Metrics, QueueMetrics } from '../status.ts';
import { VERSION } from '../version.ts';
import { Answering } from './answering.ts';
import { Answers } from './answers.ts';
import { Dispatcher } from './dispatcher.ts';
import { Drain } from './drain.ts';
import { DueTimer } from './due-timer.ts';
import { Groups } from './groups.ts';
import { InFlight } from './in-flight.ts';
import { Intake } from './intake.ts';
import { Journal } from './journal.ts';
import { type BrokerOptions, checkBroker } from './options.ts';
import { Reception } from './reception.ts';
import { Replies } from './replies.ts';
import { Requests } from './requests.ts';
import { Roster } from './roster.ts';
import { RosterWatch } from './roster-watch.ts';

/**
 * The broker of one runtime directory. It accepts messages from producers, gives them to consumers in turn, and
 * keeps them while there is no consumer.
 *
 * @example
 * const broker = await Broker.open({ dir: '/tmp/demo' });
 * await broker.stopRequested;
 * await broker.close();
 */
export class Broker {
  readonly dir: string;
  /** Why it serves only plain peers; undefined with the addon. */
  readonly plainBecause: string | undefined;
  readonly #options: BrokerOptions;
  readonly #table = processTable();
  readonly #journal: Journal;
  readonly #store: Store;
  readonly #endpoint: Endpoint;
  readonly #receiver: Receiver;
  readonly #reception: Reception;
  readonly #answers: Answers;
  readonly #intake: Intake;
  readonly #roster: Roster;
  readonly #rosterWatch: RosterWatch;
  readonly #groups: Groups;
  readonly #dispatcher: Dispatcher;
  readonly #inFlight: InFlight;
  readonly #requests: Requests;
  readonly #replies: Replies;
  readonly #answering: Answering;
  readonly #dueTimer: DueTimer;
  readonly #drain: Drain;
  #claim: BrokerClaim | undefined;
  #presence: Presence | undefined;
  #forgetSignal = () => {};
  #closed: Promise<void> | undefined;

  /**
   * Opens the store, makes this process safe to signal, and only then publishes its PID.
   * @throws SigmqError when the directory is unsafe, another broker has it, or the store cannot be opened; the reason
   * of `signal`
   */
  static async open(options: BrokerOptions = {}): Promise<Broker> {
    checkBroker(options);
    const { signal } = options;
    signal?.throwIfAborted();
    const dir = openRuntimeDir({ dir: options.dir, env: process.env, create: true });
    assertNoBroker(dir, processTable());
    const store = await openStore(
      options.store ?? { kind: 'sqlite', folder: storeFolder(dir, process.env) },
      { key: placeOf(dir), host: hostname(), dir, version: VERSION },
    );
    let broker: Broker | undefined;
    try {
      broker = new Broker(dir, store, options);
      await broker.#publish();
      signal?.throwIfAborted();
    } catch (error) {
      await (broker ? broker.close() : store.close());
      throw error;
    }
    broker.#forgetSignal = closeOn(signal, broker, broker.#journal.error);
    return broker;
  }

  private constructor(dir: string, store: Store, options: BrokerOptions) {
    const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES, ackWaitMs } = options;
    const table = this.#table;
    const journal = new Journal(options.onEvent);
    this.dir = dir;
    this.#options = options;
    this.#store = store;
    this.#journal = journal;
    // The only cycle: the part that receives also answers. Nothing arrives before this constructor has returned.
    this.#receiver = {
      onFrame: (peer, frame) => this.#reception.take(peer, frame),
      unpackerFor: (peer) => this.#intake.unpackerFor(peer),
      onPlain: (_peer, body) => void this.#reception.takePlain(body).catch(journal.error),
      onBug: journal.error,
    };
    const endpoint = Endpoint.open({
      dir,
      table,
      receiver: this.#receiver,
      maxFrameBytes: maxFrameBytes(Math.max(maxMessageBytes, MAX_BATCH_BYTES)),
    });
    const { plainBecause } = endpoint;
    this.#endpoint = endpoint;
    this.plainBecause = plainBecause;
    if (store.warning) journal.say({ type: 'warning', message: store.warning });

    const roster = new Roster({ dir, table, journal });
    const inFlight = new InFlight({ store, ackWaitMs, journal });
    const groups = new Groups({ store, roster, journal });
    const rosterWatch = new RosterWatch({ dir, roster, inFlight, groups, journal });
    this.#groups = groups;
    this.#roster = roster;
    this.#inFlight = inFlight;
    this.#rosterWatch = rosterWatch;
    const deliveries = { roster, rosterWatch, inFlight, journal };
    this.#dispatcher = new Dispatcher({ ...deliveries, store, endpoint });
    this.#dueTimer = new DueTimer({ store, journal });

    const place = placeOf(dir);
    const intake = new Intake({ store, bootId: readBootId(), maxMessageBytes, place });
    const replies = new Replies({ endpoint, table, journal });
    const answering = new Answering({ asks: store, place, replies, table, journal });
    const keepsMessages = options.store?.kind !== 'memory';
    const drain = new Drain({ store, roster, intake, keepsMessages, journal });
    const keepsExpired = options.store?.deadExpired === true;
    const about = { dir, plainBecause, keepsExpired, agingMs: options.store?.agingMs };
    const parts = { intake, roster, journal, endpoint };
    const broker = new Answers({ ...about, ...parts, store, drain, answering, place });
    const requests = new Requests({ inspection: store, broker, groups, replies, journal });
    this.#answers = broker;
    this.#intake = intake;
    this.#drain = drain;
    this.#requests = requests;
    const { incarnation } = store;
    this.#replies = replies;
    this.#answering = answering;
    const received = { inFlight, requests, incarnation, maxMessageBytes };
    this.#reception = new Reception({ ...parts, ...received });
    store.subscribe?.((news) => this.#onStoreNews(news));
  }

  /** For people: where the messages are kept. */
  get storeName(): string {
    return this.#store.name;
  }

  /** All its numbers, for a monitoring system. The counters start with the broker. */
  async metrics(): Promise<Metrics> {
    const status = await this.#answers.status();
    const queues: QueueMetrics[] = [];
    for (;;) {
      const page = await this.#answers.metrics(queues.at(-1)?.queue ?? '', MAX_QUEUES_TOLD);
      queues.push(...page);
      if (page.length < MAX_QUEUES_TOLD) return { ...status, queues };
      await nextTurn(); // there may be many, and messages are waiting
    }
  }

  /**
   * Resolves when this broker should be closed: somebody asked for it (`sigmq stop`), it has drained, or it is
   * already closed; or, with the reason, when its runtime directory is gone and cannot be made again.
   */
  get stopRequested(): Promise<SigmqError | undefined> {
    return this.#journal.stopRequested;
  }

  /**
   * Refuses new messages, finishes the frames under way, and leaves the directory. Messages that nobody has settled
   * stay in the store (and are lost with a memory store). May be called more than once.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#forgetSignal();
    this.#journal.requestStop();
    this.#intake.closing = true;
    await this.#presence?.stop();
    const watched = this.#rosterWatch.stop();
    const swept = this.#dueTimer.stop();
    this.#drain.stop();
    await this.#dispatcher.stop();
    this.#claim?.release();
    await watched;
    await swept;
    this.#replies.stop();
    await this.#requests.settled();
    await this.#answering.stop();
    this.#inFlight.stop();
    await this.#endpoint.close(this.#receiver);
    await this.#intake.idle();
    await this.#store.close();
  }

  #onStoreNews(news: StoreNews): void {
    const journal = this.#journal;
    if (news.kind === 'away') journal.say({ type: 'store-away', error: news.error });
    else {
      if (news.kind === 'back') {
        journal.say({ type: 'store-back' });
        this.#intake.forget();
        this.#rosterWatch.refresh();
      }
      journal.changed();
      journal.answering.ask();
    }
  }

  async #publish(): Promise<void> {
    const { dir } = this;
    const journal = this.#journal;
    // The store may not know them any more, and what is accepted is for them, too.
    this.#roster.look();
    await this.#groups.ensure().catch(journal.error);
    await this.#claimDir();
    this.#presence = new Presence({
      request: { dir: this.#options.dir, env: process.env },
      dir,
      shareLock: loadAddon().addon?.shareLock,
      isThere: () => this.#claim?.isThere() === true,
      putBack: async () => {
        await this.#claimDir();
        this.#rosterWatch.restart();
      },
      onRestored: (message) => journal.say({ type: 'directory-restored', dir, message }),
      onWarning: (message) => journal.say({ type: 'warning', message }),
      onLost: (error) => journal.requestStop(error),
    });
    this.#rosterWatch.start();
    await this.#inFlight.recover((key) => this.#roster.survivor(key));
    this.#rosterWatch.watchDeaths();
    this.#dueTimer.start();
    // Not earlier: what is sent now would be mistaken for what an earlier broker had handed out.
    this.#dispatcher.start();
    this.#answering.start();
  }

  async #claimDir(): Promise<void> {
    const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES } = this.#options;
    const { identity: store, incarnation, path, url } = this.#store;
    const peer = this.plainBecause === undefined ? undefined : ('plain' as const);
    const about = { version: VERSION, store, incarnation, path, url, accepts: ACCEPTS, peer };
    const info = { maxMessageBytes, ...about };
    this.#claim = await claimBroker(this.dir, info, this.#table);
  }
}
