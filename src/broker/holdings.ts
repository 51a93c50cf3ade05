import { Reason } from '../codec/reason.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { Outcome, Reserved, Store } from '../queue/store.ts';
import type { ConsumerState } from './consumer-state.ts';

/** Pause before a settlement that the store could not write is tried again; ms. */
const RETRY_MS = 500;

export interface HoldingsOptions {
  readonly store: Store;
  /** For consumers that name no time of their own; ms. */
  readonly ackWaitMs: number;
  onWarning(sentence: string): void;
  onError(error: unknown): void;
  /** A slot is free, or a message is ready again. */
  onChange(): void;
}

/** The messages in consumers' hands, each until it is settled. */
export class Holdings {
  readonly #options: HoldingsOptions;
  readonly #ackTimers = new Map<number, NodeJS.Timeout>();
  readonly #retries = new Set<NodeJS.Timeout>();

  constructor(options: HoldingsOptions) {
    this.#options = options;
  }

  /** The message was reserved for this consumer and is about to go to it. */
  take(consumer: ConsumerState, { id, attempt }: Reserved): void {
    consumer.holding.set(id, attempt);
  }

  /** The consumer has it and will settle it later. */
  awaitSettlement(consumer: ConsumerState, { id }: Reserved): void {
    if (this.#ackTimers.has(id)) return;
    const ackWaitMs = consumer.ackWaitMs ?? this.#options.ackWaitMs;
    const timer = setTimeout(() => this.#onOverdue(consumer, id, ackWaitMs), ackWaitMs);
    this.#ackTimers.set(id, timer);
  }

  /**
   * The consumer may have it: its answer is not known. It gets it again, and answers as before; nobody
   * else gets it, until it has ended or its time is up.
   */
  owe(consumer: ConsumerState, message: Reserved): void {
    consumer.holding.set(message.id, message.attempt);
    consumer.owed.push(message);
    this.awaitSettlement(consumer, message);
  }

  /**
   * Messages that an earlier broker had given out: who has them and lives is asked what became of them.
   * @param holder who has a key and can be asked
   */
  async recover(holder: (key: string) => ConsumerState | undefined): Promise<void> {
    const { store } = this.#options;
    for (const { consumer: key, ...message } of await store.reservations()) {
      const consumer = holder(key);
      if (consumer) this.owe(consumer, message);
      else await store.settle(message.id, { kind: 'lost' });
    }
  }

  /** @param attempt which delivery is meant; undefined: the one of this moment */
  async settle(
    consumer: ConsumerState,
    id: number,
    outcome: Outcome,
    attempt = consumer.holding.get(id),
  ): Promise<Verdict> {
    const held = consumer.holding.get(id);
    if (held === undefined || held !== attempt) {
      if (consumer.overdue.delete(id)) this.#options.onChange();
      return Reason.Unknown;
    }
    consumer.holding.delete(id);
    try {
      await this.#options.store.settle(id, outcome);
    } catch (error) {
      consumer.holding.set(id, held);
      this.#options.onError(error);
      return Reason.Store;
    }
    clearTimeout(this.#ackTimers.get(id));
    this.#ackTimers.delete(id);
    consumer.owed = consumer.owed.filter((message) => message.id !== id);
    this.#options.onChange();
    return 0;
  }

  /** As settle, for what nobody else tells us again: tried until the store takes it. */
  async settleSurely(consumer: ConsumerState, id: number, outcome: Outcome): Promise<void> {
    if ((await this.settle(consumer, id, outcome)) !== Reason.Store) return;
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      void this.settleSurely(consumer, id, outcome);
    }, RETRY_MS);
    this.#retries.add(timer);
  }

  /** A consumer has ended: what it held goes to others. */
  async lose(consumer: ConsumerState): Promise<void> {
    // A copy: what the store does not take is held again, and would come up again at once.
    for (const id of [...consumer.holding.keys()]) {
      await this.settleSurely(consumer, id, { kind: 'lost' });
    }
  }

  stop(): void {
    for (const timer of this.#ackTimers.values()) clearTimeout(timer);
    for (const timer of this.#retries) clearTimeout(timer);
  }

  #onOverdue(consumer: ConsumerState, id: number, ackWaitMs: number): void {
    this.#ackTimers.delete(id);
    this.#options.onWarning(
      `Consumer ${consumer.pid} has not settled message ${id} in ${ackWaitMs} ms; it goes to another.`,
    );
    // It is still at work on it, for all we know, and has that slot no sooner than it says so.
    if (!consumer.owed.some((message) => message.id === id)) consumer.overdue.add(id);
    void this.settleSurely(consumer, id, { kind: 'lost' });
  }
}
