import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { clockMs, steadyMs } from '../clock.ts';
import { maxFrameBytes } from '../codec/limits.ts';
import { Reason } from '../codec/reason.ts';
import { Endpoint, type Receiver } from '../link/endpoint.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { Sender } from '../link/inbound.ts';
import { type Settle, Verb } from '../link/settlement.ts';
import { openStore, type StoreOptions } from '../queue/open-store.ts';
import type { QueueCounts, Store } from '../queue/store.ts';
import { storeFolder } from '../queue/store-folder.ts';
import { assertNoBroker, type BrokerClaim, claimBroker } from '../registry/broker-claim.ts';
import { type ProcessTable, processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { loadAddon, type Watcher } from '../signals/addon.ts';
import { VERSION } from '../version.ts';
import { Dispatcher } from './dispatcher.ts';
import { Holdings } from './holdings.ts';
import { Intake } from './intake.ts';
import { Requests } from './requests.ts';
import { type ConsumerState, Roster } from './roster.ts';

const DEFAULT_ACK_WAIT_MS = 60_000;
/** Timers stand still while the machine sleeps, delays do not: looked at again after this; ms. */
const LOOK_MS = 60_000;

export interface BrokerOptions {
  /** Runtime directory; default: see docs/protocol.md, section 1. */
  readonly dir?: string | undefined;
  /** Where messages are kept; default: an SQLite file in `$XDG_STATE_HOME/sigmq`. */
  readonly store?: StoreOptions | undefined;
  /** Largest body in bytes; default 65,536. */
  readonly maxMessageBytes?: number | undefined;
  /** A consumer that took a message and neither settles nor ends loses it after this; ms. */
  readonly ackWaitMs?: number | undefined;
  /** Somebody asked the broker to stop, by a request. */
  readonly onStopRequest?: (() => void) | undefined;
  readonly onEvent?: ((event: BrokerEvent) => void) | undefined;
}

/** What a broker says of itself. */
export interface BrokerStatus {
  readonly pid: number;
  readonly version: string;
  readonly dir: string;
  readonly store: string;
  readonly uptimeMs: number;
  /** It takes no new messages and stops when it is empty. */
  readonly draining: boolean;
  /** Why it serves plain peers only. */
  readonly plainBecause: string | null;
  /** Messages since its start. */
  readonly accepted: number;
  readonly delivered: number;
  readonly queues: readonly QueueCounts[];
  readonly consumers: readonly {
    readonly pid: number;
    readonly kind: 'echo' | 'plain';
    readonly queues: readonly string[];
    readonly jobs: number;
    readonly holding: number;
  }[];
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
  readonly #table: ProcessTable;
  readonly #store: Store;
  readonly #endpoint: Endpoint;
  readonly #receiver: Receiver;
  readonly #intake: Intake;
  readonly #roster: Roster;
  readonly #dispatcher: Dispatcher;
  readonly #holdings: Holdings;
  readonly #requests: Requests;
  readonly #deaths = new Map<string, Watcher>();
  readonly #startedAt = clockMs();
  readonly #totals = { accepted: 0, delivered: 0 };
  #claim: BrokerClaim | undefined;
  #watcher: FSWatcher | undefined;
  #refresh: Promise<void> | undefined;
  #refreshAgain = false;
  #dueTimer: NodeJS.Timeout | undefined;
  /** For what it is set. */
  #dueAt: number | undefined;
  #stopped: Promise<void> | undefined;

  /**
   * Opens the store, makes this process safe to signal, and only then publishes its PID.
   * @throws SigmqError when the directory is unsafe, another broker has it, or the store cannot be opened
   */
  static async start(options: BrokerOptions = {}): Promise<Broker> {
    const dir = openRuntimeDir({ dir: options.dir, env: process.env, create: true });
    assertNoBroker(dir, processTable());
    const folder = storeFolder(dir, process.env);
    const store = await openStore(options.store ?? { kind: 'sqlite', folder });
    const broker = new Broker(dir, store, options);
    try {
      await broker.#publish();
    } catch (error) {
      await broker.stop();
      throw error;
    }
    return broker;
  }

  private constructor(dir: string, store: Store, options: BrokerOptions) {
    this.dir = dir;
    this.#options = options;
    this.#table = processTable();
    this.#store = store;
    const { maxMessageBytes = 65_536 } = options;
    const onError = (error: unknown) =>
      this.#say('error', error instanceof Error ? error.message : String(error));
    this.#receiver = {
      onFrame: (sender, frame) => this.#intake.judge(sender, frame),
      onPlain: (_sender, body) => void this.#intake.takePlain(body).catch(onError),
      onBug: onError,
    };
    this.#endpoint = Endpoint.open({
      dir,
      table: this.#table,
      maxFrameBytes: maxFrameBytes(maxMessageBytes),
      receiver: this.#receiver,
    });
    this.plainBecause = this.#endpoint.plainBecause;
    this.#intake = new Intake({
      store,
      bootId: readBootId(),
      maxMessageBytes,
      settle: (sender, settle) => this.#onSettle(sender, settle),
      request: (sender, request) => this.#requests.take(sender, request),
      onPublished: (ids) => {
        this.#totals.accepted += ids.length;
        this.#onChange();
      },
      onStoreError: onError,
    });
    const onWarning = (sentence: string) => this.#say('warn', sentence);
    const onChange = () => this.#onChange();
    const { ackWaitMs = DEFAULT_ACK_WAIT_MS } = options;
    this.#holdings = new Holdings({ store, ackWaitMs, onWarning, onError, onChange });
    this.#requests = new Requests({
      inspection: store,
      endpoint: this.#endpoint,
      broker: {
        status: () => this.#status(),
        waiting: (sender, queues) => this.#waiting(sender, queues),
        lastIds: (sender) => this.#intake.lastIds(sender),
        drain: () => this.#drain(),
        stop: () => this.#options.onStopRequest?.(),
      },
      onError,
      onChange,
    });
    this.#roster = new Roster({
      dir,
      table: this.#table,
      onWarning,
      onLeft: ({ key, pid }) => {
        this.#forgetDeath(key);
        this.#say('info', `Consumer ${pid} left.`);
      },
      onEnded: (consumer) => this.#onEnded(consumer),
    });
    this.#dispatcher = new Dispatcher({
      store,
      roster: this.#roster,
      endpoint: this.#endpoint,
      holdings: this.#holdings,
      onWarning,
      onError,
      onDelivered: () => {
        this.#totals.delivered++;
      },
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
    this.#watcher?.close();
    clearTimeout(this.#dueTimer);
    await this.#dispatcher.stop();
    this.#claim?.release();
    await this.#refresh?.catch(() => {});
    await this.#requests.settled();
    this.#holdings.stop();
    for (const watcher of this.#deaths.values()) loadAddon().addon?.unwatch(watcher);
    this.#deaths.clear();
    await this.#endpoint.close(this.#receiver);
    await this.#store.close();
  }

  async #publish(): Promise<void> {
    const { maxMessageBytes = 65_536 } = this.#options;
    const info = { maxMessageBytes, version: VERSION, store: this.#store.identity };
    this.#claim = await claimBroker(this.dir, info, this.#table);
    this.#watcher = watch(this.dir, (_event, name) => {
      if (name === null || name === 'consumers.txt') this.#refreshSoon();
    });
    this.#watcher.on('error', (error) =>
      this.#say('error', `cannot watch ${this.dir}: ${error.message}`),
    );
    await this.#doRefresh();
    await this.#recover();
    this.#armDueTimer();
    this.#dispatcher.wake();
  }

  /** Messages that an earlier broker had given out: who has them and lives is asked what became of them. */
  async #recover(): Promise<void> {
    for (const { consumer: key, ...message } of await this.#store.reservations()) {
      const consumer = this.#roster.holder(key);
      if (consumer) this.#holdings.owe(consumer, message);
      else await this.#store.settle(message.id, { kind: 'lost' });
    }
    for (const consumer of this.#roster.all) this.#watchDeath(consumer);
  }

  #refreshSoon(): void {
    this.#refreshAgain = true;
    this.#refresh ??= this.#refreshLoop()
      .catch((error) => this.#say('error', String(error)))
      .finally(() => {
        this.#refresh = undefined;
        if (this.#refreshAgain && !this.#stopped) this.#refreshSoon();
      });
  }

  async #refreshLoop(): Promise<void> {
    while (this.#refreshAgain && !this.#stopped) {
      this.#refreshAgain = false;
      await this.#doRefresh();
    }
  }

  async #doRefresh(): Promise<void> {
    await this.#roster.refresh();
    for (const consumer of this.#roster.all) this.#watchDeath(consumer);
    this.#dispatcher.wake();
  }

  /** The kernel tells when a consumer ends; no polling. */
  #watchDeath(consumer: ConsumerState): void {
    const { addon } = loadAddon();
    if (!addon || this.#deaths.has(consumer.key)) return;
    const pidfd = addon.pidfd(consumer.pid);
    if (pidfd < 0) return;
    const watcher = addon.watch(
      pidfd,
      () => {
        this.#forgetDeath(consumer.key);
        this.#refreshSoon();
      },
      false,
    );
    this.#deaths.set(consumer.key, watcher);
  }

  #forgetDeath(key: string): void {
    const watcher = this.#deaths.get(key);
    if (!watcher) return;
    this.#deaths.delete(key);
    loadAddon().addon?.unwatch(watcher);
  }

  #onEnded(consumer: ConsumerState): void {
    this.#forgetDeath(consumer.key);
    this.#say('info', `Consumer ${consumer.pid} ended.`);
    void this.#holdings.lose(consumer);
  }

  async #onSettle({ pid, start }: Sender, { id, attempt, verb }: Settle): Promise<Verdict> {
    const consumer = this.#roster.get(`${pid}:${start}`);
    if (!consumer) return Reason.Unknown;
    const verdict = await this.#holdings.settle(consumer, id, { kind: OUTCOMES[verb] }, attempt);
    if (verdict === 0 && verb === Verb.Done) this.#totals.delivered++;
    return verdict;
  }

  async #waiting({ pid, start }: Sender, queues: ReadonlySet<unknown>): Promise<number> {
    const counts = await this.#store.counts();
    const open = counts.filter(({ queue, paused }) => !paused && queues.has(queue));
    const held = this.#roster.get(`${pid}:${start}`)?.holding.size ?? 0;
    return open.reduce((sum, { ready }) => sum + ready, held);
  }

  async #status(): Promise<BrokerStatus> {
    return {
      pid: process.pid,
      version: VERSION,
      dir: this.dir,
      store: this.#store.name,
      uptimeMs: Math.round(clockMs() - this.#startedAt),
      draining: this.#intake.draining,
      plainBecause: this.plainBecause ?? null,
      ...this.#totals,
      queues: await this.#store.counts(),
      consumers: this.#roster.all.map(({ pid, kind, queues, slots, holding }) => ({
        pid,
        kind,
        queues,
        jobs: slots,
        holding: holding.size,
      })),
    };
  }

  #drain(): void {
    this.#intake.draining = true;
    this.#say('info', 'Draining: no new messages are taken.');
    this.#onChange();
  }

  #onChange(): void {
    this.#dispatcher.wake();
    this.#armDueTimer();
    if (this.#intake.draining) void this.#stopWhenEmpty();
  }

  async #stopWhenEmpty(): Promise<void> {
    const counts = await this.#store.counts().catch((error) => this.#say('error', String(error)));
    if (!counts) return;
    const left = counts.reduce((sum, { ready, reserved }) => sum + ready + reserved, 0);
    if (left === 0) this.#options.onStopRequest?.();
  }

  /** One timer for the next delayed message. */
  #armDueTimer(): void {
    const found = this.#store.nextDue().catch((error) => this.#say('error', String(error)));
    void found.then((due) => {
      if (due === this.#dueAt) return;
      clearTimeout(this.#dueTimer);
      this.#dueAt = undefined;
      if (typeof due !== 'number' || this.#stopped) return;
      this.#dueAt = due;
      const wait = Math.min(Math.max(due - steadyMs(), 0) + 1, LOOK_MS);
      this.#dueTimer = setTimeout(() => {
        this.#dueAt = undefined;
        this.#dispatcher.wake();
        this.#armDueTimer();
      }, wait);
      this.#dueTimer.unref();
    });
  }

  #say(level: BrokerEvent['level'], message: string): void {
    this.#options.onEvent?.({ level, message });
  }
}

const OUTCOMES = {
  [Verb.Done]: 'done',
  [Verb.Failed]: 'failed',
  [Verb.Release]: 'release',
  [Verb.Dead]: 'dead',
} as const;

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return 'boot';
  }
}
