import { steadyMs } from '../clock.ts';
import { Reason } from '../codec/reason.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { Told } from '../link/settlement.ts';
import type { DeliveryName, Outcome, Reserved } from '../queue/message.ts';
import type { Store } from '../queue/store.ts';
import { AckWait } from './ack-wait.ts';
import { repliedOf } from './askers.ts';
import { type ConsumerState, type Ending, isSame, type Unsettled } from './consumer-state.ts';
import type { Journal } from './journal.ts';
import { reasons } from './reasons.ts';
import { Settling } from './settling.ts';

/** Pause before retrying a settlement that the store could not write; ms. */
const STORE_RETRY_MS = 500;

/** How a delivery ends, as its consumer says. */
export interface Named {
  readonly id: number;
  readonly outcome: Outcome;
  readonly name: DeliveryName;
  /** For who asked. */
  readonly told?: Told | undefined;
}

export interface InFlightOptions {
  readonly store: Pick<Store, 'settle' | 'settleLate' | 'reservations'>;
  /** For consumers that set no ack-wait of their own; undefined: as long as they live; ms. */
  readonly ackWaitMs: number | undefined;
  readonly journal: Journal;
}

/** The deliveries that have begun and are not settled yet. */
export class InFlight {
  /** Resolves when the deliveries of an earlier broker are known. */
  readonly recovered: Promise<void>;
  readonly #options: InFlightOptions;
  readonly #settling: Settling;
  #onRecovered: () => void = () => {};
  readonly #ackWaits = new Set<AckWait>();
  readonly #retries = new Set<NodeJS.Timeout>();

  constructor(options: InFlightOptions) {
    this.#options = options;
    this.#settling = new Settling(options);
    this.recovered = new Promise((resolve) => {
      this.#onRecovered = resolve;
    });
  }

  /** The message was reserved for this consumer and is about to go to it. */
  begin(consumer: ConsumerState, message: Reserved): void {
    const { id, queue, incarnation, delivery, enqueuedAt, asker } = message;
    const asked = asker === undefined ? {} : { asker };
    const given = { queue, ...asked, incarnation, delivery, enqueuedAt, since: steadyMs() };
    consumer.inFlight.set(id, { ...given, isSending: true });
    consumer.given++;
  }

  /** Whether a consumer has yet to receive it, or to settle it. */
  has(consumer: ConsumerState, message: Reserved): boolean {
    const known = consumer.inFlight.get(message.id);
    return isSame(known, message) && known?.settling === undefined;
  }

  /** The consumer cannot receive it: it is none of those that it was given. */
  missed(consumer: ConsumerState, message: Reserved): void {
    const known = consumer.inFlight.get(message.id);
    if (known && isSame(known, message)) known.isMissed = true;
  }

  /** The consumer has it and will settle it later. */
  awaitSettlement(consumer: ConsumerState, message: Reserved): void {
    const known = consumer.inFlight.get(message.id);
    // Its ack-wait may have expired, or it was settled in the meantime.
    if (!known || !isSame(known, message)) return;
    known.isSending = false;
    const ackWaitMs = consumer.ackWaitMs ?? this.#options.ackWaitMs;
    if (ackWaitMs === undefined || known.ackWait) return;
    const { id } = message; // so as not to keep its body all that time
    const onOver = () => this.#onOverdue(consumer, id, known, ackWaitMs);
    known.ackWait = new AckWait(ackWaitMs, onOver);
    this.#ackWaits.add(known.ackWait);
  }

  /** The consumer is still at work on it. */
  extend(consumer: ConsumerState, id: number, name: DeliveryName): Verdict {
    const known = consumer.inFlight.get(id);
    if (!isSame(known, name)) return Reason.Unknown;
    known?.ackWait?.extend();
    return 0;
  }

  /**
   * The consumer may have the message: its answer is unknown. It gets the message again, and answers as before;
   * nobody else gets it until it has ended or its time is up.
   */
  owe(consumer: ConsumerState, message: Reserved): void {
    if (!isSame(consumer.inFlight.get(message.id), message)) this.begin(consumer, message);
    consumer.owed.push(message);
    this.awaitSettlement(consumer, message);
  }

  /**
   * Messages that an earlier broker had handed out: each consumer that has one and still lives is asked what became
   * of it.
   */
  async recover(survivor: (key: string) => ConsumerState | undefined): Promise<void> {
    const { store, journal } = this.#options;
    for (const { consumer: key, ...message } of await store.reservations()) {
      const consumer = survivor(key);
      const outcome = { kind: 'lost', reason: reasons.endedBefore() } as const;
      if (consumer) this.owe(consumer, message);
      else {
        const replied = repliedOf(message.asker, outcome, undefined);
        const [became = 'unknown'] = await store.settle([{ id: message.id, outcome, replied }]);
        journal.settled(message.queue, outcome, became);
      }
    }
    this.#onRecovered();
  }

  /**
   * @param name which delivery is meant; undefined: the current one
   * @param told for who asked
   */
  async settle(
    consumer: ConsumerState,
    id: number,
    outcome: Outcome,
    name?: DeliveryName,
    told?: Told,
  ): Promise<Verdict> {
    const known = consumer.inFlight.get(id);
    if (known === undefined || (name && !isSame(known, name))) {
      return name ? this.#settling.late(consumer, { id, outcome, told }, name) : Reason.Unknown;
    }
    if (known.settling) {
      // The store takes its time, and the consumer repeats itself, or says something else too late.
      const { kind, verdict } = known.settling;
      const first = await verdict;
      return kind === outcome.kind ? first : this.settle(consumer, id, outcome, name, told);
    }
    return this.#settleTogether(consumer, [{ id, outcome, known, told }]);
  }

  /**
   * Settles several at once, as a consumer says.
   * @returns `unknown` when one of them is, and then none was settled
   */
  async settleAll(consumer: ConsumerState, all: readonly Named[]): Promise<Verdict> {
    const endings: Ending[] = [];
    for (const { id, outcome, name, told } of all) {
      const known = consumer.inFlight.get(id);
      const isTwice = endings.some((ending) => ending.known === known);
      if (!known || !isSame(known, name) || known.settling || isTwice) return Reason.Unknown;
      endings.push({ id, outcome, known, told });
    }
    return this.#settleTogether(consumer, endings);
  }

  async #settleTogether(consumer: ConsumerState, endings: readonly Ending[]): Promise<Verdict> {
    const verdict = this.#write(consumer, endings);
    for (const { outcome, known } of endings) known.settling = { kind: outcome.kind, verdict };
    try {
      return await verdict;
    } finally {
      for (const { known } of endings) known.settling = undefined;
    }
  }

  async #write(consumer: ConsumerState, endings: readonly Ending[]): Promise<Verdict> {
    const { verdict, ended } = await this.#settling.write(consumer, endings);
    for (const { known } of ended) this.#forget(known);
    return verdict;
  }

  /** As settle, for what nobody else tells us again: tried until the store takes it. */
  async settleSurely(
    consumer: ConsumerState,
    messages: readonly Pick<Reserved, 'id'>[],
    outcome: Outcome,
  ): Promise<void> {
    const all: Ending[] = messages.flatMap(({ id }) => {
      const known = consumer.inFlight.get(id);
      return known ? [{ id, outcome, known }] : [];
    });
    const idle = all.filter(({ known }) => !known.settling);
    const busy = all.filter(({ known }) => known.settling);
    const verdict = idle.length > 0 ? await this.#settleTogether(consumer, idle) : 0;
    if (verdict === Reason.Store) for (const ending of idle) this.#retry(consumer, ending);
    // Not all of them are ours any more: each is settled for itself.
    const left = verdict === Reason.Unknown && idle.length > 1 ? idle : [];
    for (const ending of [...left, ...busy]) {
      if (!isSame(consumer.inFlight.get(ending.id), ending.known)) continue;
      if ((await this.settle(consumer, ending.id, outcome)) === Reason.Store)
        this.#retry(consumer, ending);
    }
  }

  #retry(consumer: ConsumerState, { id, outcome, known }: Ending): void {
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      if (isSame(consumer.inFlight.get(id), known))
        void this.settleSurely(consumer, [{ id }], outcome);
    }, STORE_RETRY_MS);
    this.#retries.add(timer);
  }

  /** A consumer has ended: what it had goes to others; not yet what it may never have got. */
  async lose(consumer: ConsumerState): Promise<void> {
    const taken = [...consumer.inFlight].filter(([, { isSending }]) => !isSending);
    await this.settleSurely(
      consumer,
      taken.map(([id]) => ({ id })),
      { kind: 'lost', reason: reasons.ended() },
    );
  }

  stop(): void {
    for (const ackWait of this.#ackWaits) ackWait.stop();
    for (const timer of this.#retries) clearTimeout(timer);
  }

  #onOverdue(consumer: ConsumerState, id: number, known: Unsettled, ackWaitMs: number): void {
    this.#forget(known);
    if (known.settling || consumer.inFlight.get(id) !== known) return;
    const { queue } = known;
    const { pid } = consumer;
    this.#options.journal.say({ type: 'delivery-overdue', pid, id, queue, ackWaitMs });
    // As far as we know it is still working on it, and its slot is taken until it reports back.
    const isOwed = consumer.owed.some((owed) => owed.id === id);
    if (!isOwed) consumer.overdue.set(id, known);
    const reason = reasons.overdue(ackWaitMs);
    void this.settleSurely(consumer, [{ id }], { kind: 'lost', reason });
  }

  #forget(known: Unsettled): void {
    if (!known.ackWait) return;
    known.ackWait.stop();
    this.#ackWaits.delete(known.ackWait);
    known.ackWait = undefined;
  }
}
