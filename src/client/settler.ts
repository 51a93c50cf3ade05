import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { Reason } from '../codec/reason.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { LinkError } from '../link/errors.ts';
import { settlementFrame, Verb } from '../link/settlement.ts';
import { findBroker } from '../registry/broker-file.ts';
import type { ProcessTable } from '../registry/process-table.ts';
import type { Handled } from './handled.ts';
import { isUnavailable } from './retry.ts';

/** Pause before a settlement is tried again while the broker does not answer; ms. */
const SETTLE_RETRY_MS = 200;
/** A consumer that is to stop tries no longer; the message then goes to another when it has ended; ms. */
const LAST_PATIENCE_MS = 5000;

export interface SettlerOptions {
  readonly dir: string;
  readonly table: ProcessTable;
  readonly endpoint: Endpoint;
  /** What a delivery that comes again is answered with. */
  readonly handled: Handled;
  onError(error: unknown): void;
}

/**
 * The messages that are in hand, and what tells the broker how each ended that was answered with `later`
 * (docs/protocol.md, section 7).
 */
export class Settler {
  readonly #options: SettlerOptions;
  /** Messages that were answered with `later` and are not settled yet. */
  readonly #inHand = new Set<Promise<void>>();
  /**
   * Messages of which the broker is being told that they are given back. One that comes again meanwhile is
   * the same attempt: what is still to be said of the delivery before would be taken for this one.
   */
  readonly #givingBack = new Map<number, symbol>();
  /** Grows with each store: what is in hand is settled to the one that it came from, or not at all. */
  #storeNumber = 0;
  /** When the consumer was told to stop. */
  #stoppingAt: number | undefined;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Nothing is in hand. */
  get idle(): boolean {
    return this.#inHand.size === 0;
  }

  /** Waits for all work that is in hand, and then for a while until the broker knows how it ended. */
  async settled(): Promise<void> {
    this.#stoppingAt ??= clockMs();
    while (this.#inHand.size > 0) await Promise.all(this.#inHand);
  }

  /** Other messages have the ids of those that are in hand, and of those that were answered. */
  forget(): void {
    this.#storeNumber++;
    this.#options.handled.clear();
    this.#givingBack.clear();
  }

  /** It was delivered anew: nothing more is to be said of its having been given back. */
  delivered(id: number): void {
    this.#givingBack.delete(id);
  }

  /** Settles it when the work on it ends, as that ends. */
  settleAfter(id: number, attempt: number, working: Promise<void>): void {
    const store = this.#storeNumber;
    const settled = working.then(
      () => this.#settle(id, attempt, Verb.Done, store),
      (error: unknown) => {
        this.#options.onError(error);
        return this.#settle(id, attempt, verbOf(error), store);
      },
    );
    this.keep(settled);
  }

  settle(id: number, attempt: number, verb: Verb): void {
    this.keep(this.#settle(id, attempt, verb, this.#storeNumber));
  }

  /** It is in hand until `work` ends. */
  keep(work: Promise<void>): void {
    const kept: Promise<void> = work
      .catch((error) => this.#options.onError(error))
      .finally(() => this.#inHand.delete(kept));
    this.#inHand.add(kept);
  }

  /** Tells the broker of the moment; it may be another than the one that delivered. */
  async #settle(id: number, attempt: number, verb: Verb, store: number): Promise<void> {
    const { handled } = this.#options;
    if (store !== this.#storeNumber) return;
    // A broker that was restarted meanwhile delivers it again: the answer is then known.
    const mine = Symbol();
    if (verb === Verb.Release) {
      handled.forget(id, attempt);
      this.#givingBack.set(id, mine);
    } else if (verb === Verb.Done) handled.change(id, attempt, 0);
    else if (verb === Verb.Failed) handled.change(id, attempt, Reason.Failed);
    // No answer says `dead`: it is settled once more.
    else handled.change(id, attempt, Reason.Later, verb);
    const frame = settlementFrame({ id, attempt, verb });
    const isMoot = () =>
      store !== this.#storeNumber || (verb === Verb.Release && this.#givingBack.get(id) !== mine);
    try {
      const isAccepted = await this.#tell(frame, isMoot);
      // It may be kicked back to us, as its first attempt.
      if (isAccepted && verb !== Verb.Done && !isMoot()) handled.forget(id, attempt);
    } finally {
      if (this.#givingBack.get(id) === mine) this.#givingBack.delete(id);
    }
  }

  /** Again and again; false when there is nobody to tell, or nothing any more. */
  async #tell(frame: Uint8Array, isMoot: () => boolean): Promise<boolean> {
    const { dir, table, endpoint, onError } = this.#options;
    const began = clockMs();
    const patience = () =>
      this.#stoppingAt === undefined
        ? Number.POSITIVE_INFINITY
        : Math.max(began, this.#stoppingAt) + LAST_PATIENCE_MS;
    let reported = false;
    while (!isMoot() && clockMs() <= patience()) {
      try {
        const broker = findBroker(dir, table);
        if (broker.kind !== 'echo') return false;
        const outcome = await endpoint.echo?.withBus(async (channel) =>
          isMoot() ? undefined : channel.send(broker, frame),
        );
        if (outcome?.kind === 'accepted') return true;
        if (outcome === undefined) return false;
        if (outcome.kind === 'refused' && outcome.reason === Reason.Unknown) return false;
      } catch (error) {
        // No broker: the next one finds out when it delivers the message again.
        if (isUnavailable(error)) return false;
        if (!(error instanceof LinkError) && !reported) onError(error);
        reported ||= !(error instanceof LinkError);
      }
      await sleep(SETTLE_RETRY_MS);
    }
    return false;
  }
}

/** How a message is settled whose handler failed. */
export function verbOf(error: unknown): Verb {
  const settle = (error as { settle?: unknown } | null)?.settle;
  if (settle === 'release') return Verb.Release;
  return settle === 'dead' ? Verb.Dead : Verb.Failed;
}
