import { setTimeout as sleep } from 'node:timers/promises';
import { Reason } from '../codec/reason.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { LinkError } from '../link/errors.ts';
import { settlementFrame, Verb } from '../link/settlement.ts';
import { findBroker } from '../registry/broker-file.ts';
import type { ProcessTable } from '../registry/process-table.ts';
import type { Handled } from './handled.ts';

/** Pause before a settlement is tried again while the broker does not answer; ms. */
const SETTLE_RETRY_MS = 200;

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

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Nothing is in hand. */
  get idle(): boolean {
    return this.#inHand.size === 0;
  }

  /** Waits for what is in hand at this moment. */
  async settled(): Promise<void> {
    await Promise.all(this.#inHand);
  }

  /** It was delivered anew: nothing more is to be said of its having been given back. */
  delivered(id: number): void {
    this.#givingBack.delete(id);
  }

  /** Settles it when the work on it ends, as that ends. */
  settleAfter(id: number, attempt: number, working: Promise<void>): void {
    const settled = working.then(
      () => this.#settle(id, attempt, Verb.Done),
      (error: unknown) => {
        this.#options.onError(error);
        return this.#settle(id, attempt, verbOf(error));
      },
    );
    this.keep(settled);
  }

  settle(id: number, attempt: number, verb: Verb): void {
    this.keep(this.#settle(id, attempt, verb));
  }

  /** It is in hand until `work` ends. */
  keep(work: Promise<void>): void {
    const kept: Promise<void> = work
      .catch((error) => this.#options.onError(error))
      .finally(() => this.#inHand.delete(kept));
    this.#inHand.add(kept);
  }

  /** Tells the broker of the moment; it may be another than the one that delivered. */
  async #settle(id: number, attempt: number, verb: Verb): Promise<void> {
    const { dir, table, endpoint, handled } = this.#options;
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
    const isMoot = () => verb === Verb.Release && this.#givingBack.get(id) !== mine;
    try {
      while (!isMoot()) {
        try {
          const broker = findBroker(dir, table);
          const outcome = await endpoint.echo?.withBus(async (channel) =>
            isMoot() ? undefined : channel.send(broker, frame),
          );
          const isKnown = outcome?.kind === 'accepted';
          // It may be kicked back to us, as its first attempt.
          if (isKnown && verb !== Verb.Done) handled.forget(id, attempt);
          if (isKnown || outcome === undefined) return;
          if (outcome.kind === 'refused' && outcome.reason === Reason.Unknown) return;
        } catch (error) {
          // No broker: the next one finds out when it delivers the message again.
          if (!(error instanceof LinkError) || error.code === 'peer-gone') return;
        }
        await sleep(SETTLE_RETRY_MS);
      }
    } finally {
      if (this.#givingBack.get(id) === mine) this.#givingBack.delete(id);
    }
  }
}

/** How a message is settled whose handler failed. */
export function verbOf(error: unknown): Verb {
  const settle = (error as { settle?: unknown } | null)?.settle;
  if (settle === 'release') return Verb.Release;
  return settle === 'dead' ? Verb.Dead : Verb.Failed;
}
