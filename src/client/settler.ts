import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { Reason } from '../codec/reason.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { LinkError } from '../link/errors.ts';
import { settlementFrame, Verb } from '../link/settlement.ts';
import { findBroker } from '../registry/broker-file.ts';
import { isStopped, type ProcessTable } from '../registry/process-table.ts';
import { type Handled, keyOf, type Name } from './handled.ts';
import { isUnavailable } from './retry.ts';

/** Pause before a settlement is retried while the broker does not answer; ms. */
const SETTLE_RETRY_MS = 200;
/** A consumer that is stopping no longer tries a broker that is stopped (Ctrl-Z) after this; ms. */
const LAST_PATIENCE_MS = 5000;
/** Nor one that is running, after this: it is short of time. The message goes to another once we have ended; ms. */
const LONGEST_PATIENCE_MS = 30_000;

export interface SettlerOptions {
  readonly dir: string;
  readonly table: ProcessTable;
  readonly endpoint: Endpoint;
  /** How a delivery that comes again is answered. */
  readonly handled: Handled;
  onError(error: unknown): void;
}

/**
 * The messages in hand. For those that were answered with `later`, it tells the broker how they ended
 * (docs/protocol.md, section 7).
 */
export class Settler {
  readonly #options: SettlerOptions;
  /** Messages that were answered with `later` and are not settled yet. */
  readonly #inHand = new Set<Promise<void>>();
  /** Settlements that no broker has heard of, by name. */
  readonly #unheard = new Map<string, { readonly name: Name; readonly verb: Verb }>();
  /** When the consumer was told to stop. */
  #stoppingAt: number | undefined;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Nothing is in hand. */
  get idle(): boolean {
    return this.#inHand.size === 0;
  }

  /** How many messages have ended without a broker learning how: they will be delivered again. */
  get unheard(): number {
    return this.#unheard.size;
  }

  /** A broker has delivered the message again and got its answer. */
  heard(name: Name): void {
    this.#unheard.delete(keyOf(name));
  }

  /** Waits for all work in hand, and then a little longer until the broker knows how it ended. */
  async settled(): Promise<void> {
    this.#stoppingAt ??= clockMs();
    const before = [...this.#unheard];
    while (this.#inHand.size > 0) await Promise.all(this.#inHand);
    // There may be another broker by now: it would ask, but by then we are gone.
    for (const [key, { name, verb }] of before) {
      if (this.#unheard.has(key)) await this.#tell(name, verb);
      if (this.#unheard.has(key)) return;
    }
  }

  /** A message is in hand until `work` ends. */
  keep(work: Promise<unknown>): void {
    const kept: Promise<void> = work
      .then(() => {}, this.#options.onError)
      .finally(() => this.#inHand.delete(kept));
    this.#inHand.add(kept);
  }

  /** Work on it continues: its ack-wait starts again. @returns whether it is still ours */
  extend(name: Name): Promise<boolean> {
    return this.#tell(name, Verb.Extend);
  }

  /**
   * Tells the current broker, which may be another one than delivered the message.
   * @returns whether it knows, and the message was ours
   */
  settle(name: Name, verb: Verb): Promise<boolean> {
    const { handled } = this.#options;
    // A broker that was restarted in the meantime delivers it again: then the answer is already known.
    if (verb === Verb.Done) handled.change(name, 0);
    else if (verb === Verb.Failed) handled.change(name, Reason.Failed);
    // No answer can express the others: they are settled once more.
    else handled.change(name, Reason.Later, verb);
    const told = this.#tell(name, verb);
    this.keep(told);
    return told.catch(() => false);
  }

  /** Retries; false if there is nobody to tell, or the message is no longer ours. */
  async #tell(name: Name, verb: Verb): Promise<boolean> {
    const { dir, table, endpoint, onError } = this.#options;
    const began = clockMs();
    const isPatient = (ms: number) =>
      this.#stoppingAt === undefined || clockMs() <= Math.max(began, this.#stoppingAt) + ms;
    let isStuck = false;
    let reported = false;
    while (isPatient(isStuck ? LAST_PATIENCE_MS : LONGEST_PATIENCE_MS)) {
      try {
        const broker = findBroker(dir, table);
        const info = table.read(broker.pid);
        isStuck = info !== undefined && isStopped(info);
        if (broker.kind !== 'echo') return false;
        const outcome = await endpoint.echo?.withBus((channel) => {
          // While we waited for the bus another broker may have come, even in the same process, with another store.
          const now = findBroker(dir, table);
          return channel.send(now, frameOf(name, verb, now.incarnation));
        });
        if (outcome === undefined) return false;
        const isUnknown = outcome.kind === 'refused' && outcome.reason === Reason.Unknown;
        if (outcome.kind === 'accepted' || isUnknown) {
          this.heard(name);
          return !isUnknown;
        }
      } catch (error) {
        // No broker: the next one finds out when it delivers the message again.
        if (isUnavailable(error)) break;
        if (!(error instanceof LinkError) && !reported) onError(error);
        reported ||= !(error instanceof LinkError);
      }
      await sleep(SETTLE_RETRY_MS);
    }
    if (verb !== Verb.Extend) this.#unheard.set(keyOf(name), { name, verb });
    return false;
  }
}

/** @param current incarnation of the broker that is told: its own deliveries need not state it */
function frameOf(
  { id, delivery, incarnation }: Name,
  verb: Verb,
  current: number | undefined,
): Uint8Array {
  const isCurrent = incarnation === 0 || incarnation === current;
  return settlementFrame({
    ...{ id, delivery, verb },
    incarnation: isCurrent ? undefined : incarnation,
  });
}
