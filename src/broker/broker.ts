import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { maxFrameBytes } from '../codec/limits.ts';
import { Reason } from '../codec/reason.ts';
import { Endpoint, type Receiver } from '../link/endpoint.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { Sender } from '../link/inbound.ts';
import { type Settle, Verb } from '../link/settlement.ts';
import { openStore, type StoreOptions } from '../queue/open-store.ts';
import type { Outcome, Reserved, Store } from '../queue/store.ts';
import { type BrokerClaim, claimBroker } from '../registry/broker-claim.ts';
import { type ProcessTable, processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { loadAddon, type Watcher } from '../signals/addon.ts';
import { VERSION } from '../version.ts';
import { Dispatcher } from './dispatcher.ts';
import { Intake } from './intake.ts';
import { type ConsumerState, Roster } from './roster.ts';

export const DEFAULT_ACK_WAIT_MS = 60_000;

export interface BrokerOptions {
  /** Runtime directory; default: see docs/protocol.md, section 1. */
  readonly dir?: string | undefined;
  /** Where messages are kept; default: in memory. */
  readonly store?: StoreOptions | undefined;
  /** Largest body in bytes; default 65,536. */
  readonly maxMessageBytes?: number | undefined;
  /** A consumer that took a message and neither settles nor ends loses it after this; ms. */
  readonly ackWaitMs?: number | undefined;
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
  readonly #table: ProcessTable;
  readonly #store: Store;
  readonly #endpoint: Endpoint;
  readonly #receiver: Receiver;
  readonly #intake: Intake;
  readonly #roster: Roster;
  readonly #dispatcher: Dispatcher;
  readonly #deaths = new Map<string, Watcher>();
  readonly #ackTimers = new Map<number, NodeJS.Timeout>();
  #claim: BrokerClaim | undefined;
  #watcher: FSWatcher | undefined;
  #refresh: Promise<void> | undefined;
  #refreshAgain = false;
  #dueTimer: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;

  /**
   * Opens the store, makes this process safe to signal, and only then publishes its PID.
   * @throws SigmqError when the directory is unsafe, another broker has it, or the store cannot be opened
   */
  static async start(options: BrokerOptions = {}): Promise<Broker> {
    const dir = openRuntimeDir({ dir: options.dir, env: process.env, create: true });
    const store = await openStore(options.store ?? { kind: 'memory' });
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
      onPublished: () => {
        this.#dispatcher.wake();
        this.#armDueTimer();
      },
      onStoreError: onError,
    });
    this.#roster = new Roster({
      dir,
      table: this.#table,
      onWarning: (sentence) => this.#say('warn', sentence),
      onGone: (consumer, ended) => this.#onGone(consumer, ended),
    });
    this.#dispatcher = new Dispatcher({
      store,
      roster: this.#roster,
      endpoint: this.#endpoint,
      onWarning: (sentence) => this.#say('warn', sentence),
      onError,
      onHeld: (consumer, message) => this.#startAckWait(consumer, message),
      onDelivered: () => {},
    });
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
    for (const timer of this.#ackTimers.values()) clearTimeout(timer);
    for (const watcher of this.#deaths.values()) loadAddon().addon?.unwatch(watcher);
    this.#deaths.clear();
    await this.#endpoint.close(this.#receiver);
    await this.#store.close();
  }

  async #publish(): Promise<void> {
    const { maxMessageBytes = 65_536 } = this.#options;
    this.#claim = await claimBroker(this.dir, { maxMessageBytes, version: VERSION }, this.#table);
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

  /** Messages that an earlier broker had given out. */
  async #recover(): Promise<void> {
    for (const { id, consumer: key } of await this.#store.reservations()) {
      const consumer = this.#roster.get(key);
      await this.#store.settle(id, { kind: consumer ? 'release' : 'lost' });
    }
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

  #onGone(consumer: ConsumerState, ended: boolean): void {
    this.#forgetDeath(consumer.key);
    this.#say('info', `Consumer ${consumer.pid} ${ended ? 'ended' : 'left'}.`);
    for (const id of consumer.holding)
      void this.#settle(consumer, id, { kind: ended ? 'lost' : 'release' });
  }

  #startAckWait(consumer: ConsumerState, { id }: Reserved): void {
    const { ackWaitMs = DEFAULT_ACK_WAIT_MS } = this.#options;
    const timer = setTimeout(() => {
      this.#say(
        'warn',
        `Consumer ${consumer.pid} has not settled message ${id} in ${ackWaitMs} ms.`,
      );
      void this.#settle(consumer, id, { kind: 'lost' });
    }, ackWaitMs);
    timer.unref();
    this.#ackTimers.set(id, timer);
  }

  async #onSettle({ pid, start }: Sender, { id, verb }: Settle): Promise<Verdict> {
    const consumer = this.#roster.get(`${pid}:${start}`);
    if (!consumer?.holding.has(id)) return Reason.Unknown;
    const kind = (
      {
        [Verb.Done]: 'done',
        [Verb.Failed]: 'failed',
        [Verb.Release]: 'release',
        [Verb.Dead]: 'dead',
      } as const
    )[verb];
    return this.#settle(consumer, id, { kind });
  }

  async #settle(consumer: ConsumerState, id: number, outcome: Outcome): Promise<Verdict> {
    if (!consumer.holding.delete(id)) return Reason.Unknown;
    clearTimeout(this.#ackTimers.get(id));
    this.#ackTimers.delete(id);
    try {
      await this.#store.settle(id, outcome);
    } catch (error) {
      this.#say('error', error instanceof Error ? error.message : String(error));
      return Reason.Store;
    }
    this.#dispatcher.wake();
    this.#armDueTimer();
    return 0;
  }

  /** One timer for the next delayed message. */
  #armDueTimer(): void {
    void this.#store.nextDue().then((due) => {
      clearTimeout(this.#dueTimer);
      if (due === undefined || this.#stopped) return;
      const wait = Math.min(Math.max(due - Date.now(), 0) + 1, 0x7fff_ffff);
      this.#dueTimer = setTimeout(() => {
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

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return 'boot';
  }
}
