import { Reason } from '../codec/reason.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { DeliveryName, Outcome, Reserved, Settled, Store } from '../queue/store.ts';
import { AckWait } from './ack-wait.ts';
import type { ConsumerState } from './consumer-state.ts';

/** Pause before a settlement that the store could not write is tried again; ms. */
const RETRY_MS = 500;

export interface HoldingsOptions {
  readonly store: Store;
  /** For consumers that name no time of their own; undefined: as long as they live; ms. */
  readonly ackWaitMs: number | undefined;
  onWarning(sentence: string): void;
  onError(error: unknown): void;
  /** A delivery has ended. */
  onSettled(queue: string, outcome: Outcome, became: Settled): void;
  /** A slot is free, or a message is ready again. */
  onChange(): void;
}

/** The messages in consumers' hands, each until it is settled. */
export class Holdings {
  readonly #options: HoldingsOptions;
  readonly #ackWaits = new Map<number, AckWait>();
  readonly #retries = new Set<NodeJS.Timeout>();

  constructor(options: HoldingsOptions) {
    this.#options = options;
  }

  /** The message was reserved for this consumer and is about to go to it. */
  take(consumer: ConsumerState, { id, queue, incarnation, delivery }: Reserved): void {
    consumer.holding.set(id, { queue, incarnation, delivery, isUnderWay: true });
  }

  /** The consumer has it and will settle it later. */
  awaitSettlement(consumer: ConsumerState, message: Reserved): void {
    const { id } = message;
    const held = consumer.holding.get(id);
    if (!held || !isSame(held, message)) return; // its ack-wait is over, or it was settled meanwhile
    held.isUnderWay = false;
    const ackWaitMs = consumer.ackWaitMs ?? this.#options.ackWaitMs;
    if (ackWaitMs === undefined || this.#ackWaits.has(id)) return;
    const onOver = () => this.#onOverdue(consumer, id, ackWaitMs);
    this.#ackWaits.set(id, new AckWait(ackWaitMs, onOver));
  }

  /** The consumer is still at work on it. */
  extend(consumer: ConsumerState, id: number, name: DeliveryName): Verdict {
    if (!isSame(consumer.holding.get(id), name)) return Reason.Unknown;
    this.#ackWaits.get(id)?.extend();
    return 0;
  }

  /**
   * The consumer may have it: its answer is not known. It gets it again, and answers as before; nobody
   * else gets it, until it has ended or its time is up.
   */
  owe(consumer: ConsumerState, message: Reserved): void {
    this.take(consumer, message);
    consumer.owed.push(message);
    this.awaitSettlement(consumer, message);
  }

  /**
   * Messages that an earlier broker had given out: who has them and lives is asked what became of them.
   * @param holder who has a key and can be asked
   */
  async recover(holder: (key: string) => ConsumerState | undefined): Promise<void> {
    const { store, onSettled } = this.#options;
    for (const { consumer: key, ...message } of await store.reservations()) {
      const consumer = holder(key);
      const outcome = { kind: 'lost' } as const;
      if (consumer) this.owe(consumer, message);
      else onSettled(message.queue, outcome, await store.settle(message.id, outcome));
    }
  }

  /** @param name which delivery is meant; undefined: the one of this moment */
  async settle(
    consumer: ConsumerState,
    id: number,
    outcome: Outcome,
    name?: DeliveryName,
  ): Promise<Verdict> {
    const { store, onSettled, onChange } = this.#options;
    const held = consumer.holding.get(id);
    if (held === undefined || (name && !isSame(held, name))) {
      return name ? this.#settleLate(consumer, id, outcome, name) : Reason.Unknown;
    }
    consumer.holding.delete(id);
    let became: Settled;
    try {
      became = await store.settle(id, outcome);
    } catch (error) {
      consumer.holding.set(id, held);
      return this.#onStoreError(error);
    }
    this.#ackWaits.get(id)?.stop();
    this.#ackWaits.delete(id);
    consumer.owed = consumer.owed.filter((message) => message.id !== id);
    onSettled(held.queue, outcome, became);
    onChange();
    return 0;
  }

  /** Its time was over. What it did counts all the same when nobody else has got the message. */
  async #settleLate(
    consumer: ConsumerState,
    id: number,
    outcome: Outcome,
    name: DeliveryName,
  ): Promise<Verdict> {
    const { store, onSettled, onChange } = this.#options;
    try {
      const queue = outcome.kind === 'done' ? await store.settleLate(id, name) : undefined;
      if (queue !== undefined) onSettled(queue, outcome, 'gone');
      if (isSame(consumer.overdue.get(id), name)) consumer.overdue.delete(id);
      onChange();
      return queue === undefined ? Reason.Unknown : 0;
    } catch (error) {
      return this.#onStoreError(error);
    }
  }

  #onStoreError(error: unknown): Verdict {
    this.#options.onError(error);
    return Reason.Store;
  }

  /** As settle, for what nobody else tells us again: tried until the store takes it. */
  async settleSurely(consumer: ConsumerState, id: number, outcome: Outcome): Promise<void> {
    const held = consumer.holding.get(id);
    if (held) await this.#settleAgain(consumer, id, outcome, held);
  }

  async #settleAgain(
    consumer: ConsumerState,
    id: number,
    outcome: Outcome,
    name: DeliveryName,
  ): Promise<void> {
    if (!isSame(consumer.holding.get(id), name)) return;
    if ((await this.settle(consumer, id, outcome)) !== Reason.Store) return;
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      void this.#settleAgain(consumer, id, outcome, name);
    }, RETRY_MS);
    this.#retries.add(timer);
  }

  /** A consumer has ended: what it held goes to others; not yet what it may never have got. */
  async lose(consumer: ConsumerState): Promise<void> {
    // A copy: what the store does not take is held again, and would come up again at once.
    for (const [id, { isUnderWay }] of [...consumer.holding]) {
      if (!isUnderWay) await this.settleSurely(consumer, id, { kind: 'lost' });
    }
  }

  stop(): void {
    for (const ackWait of this.#ackWaits.values()) ackWait.stop();
    for (const timer of this.#retries) clearTimeout(timer);
  }

  #onOverdue(consumer: ConsumerState, id: number, ackWaitMs: number): void {
    this.#ackWaits.delete(id);
    this.#options.onWarning(
      `Consumer ${consumer.pid} has not settled message ${id} in ${ackWaitMs} ms; it goes to another.`,
    );
    // It is still at work on it, for all we know, and has that slot no sooner than it says so.
    const held = consumer.holding.get(id);
    const isOwed = consumer.owed.some((message) => message.id === id);
    if (held && !isOwed) consumer.overdue.set(id, held);
    void this.settleSurely(consumer, id, { kind: 'lost' });
  }
}

function isSame(known: DeliveryName | undefined, { incarnation, delivery }: DeliveryName): boolean {
  return known?.incarnation === incarnation && known.delivery === delivery;
}
