import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { Reason } from '../codec/reason.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { LinkError } from '../link/errors.ts';
import type { FrameOutcome } from '../link/frame-sender.ts';
import { acceptsOf } from '../link/messages.ts';
import { MAX_SETTLEMENTS, type Settle, settlementsFrame, Verb } from '../link/settlement.ts';
import { type BrokerFound, findBroker } from '../registry/broker-file.ts';
import { isStopped, type ProcessTable } from '../registry/process-table.ts';
import { type Handled, keyOf, type Name } from './handled.ts';
import { isUnavailable } from './retry.ts';

/** Pause before a settlement is tried again while the broker does not answer; ms. */
const SETTLE_RETRY_MS = 200;
/** A consumer that is to stop tries no longer with a broker that is stopped (Ctrl-Z); ms. */
const LAST_PATIENCE_MS = 5000;
/** Nor with one that runs: it is short of time. The message then goes to another when we have ended; ms. */
const LONGEST_PATIENCE_MS = 30_000;

/** What the broker is to be told. */
interface Due {
  readonly name: Name;
  readonly verb: Verb;
  /** Since when, by `clockMs()`. */
  readonly since: number;
  readonly resolve: (isKnown: boolean) => void;
}

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
  /** Settlements of which no broker has heard, by name. */
  readonly #unheard = new Map<string, { readonly name: Name; readonly verb: Verb }>();
  /** What the broker is to be told, in order. */
  readonly #due: Due[] = [];
  #telling: Promise<void> | undefined;
  /** When the consumer was told to stop. */
  #stoppingAt: number | undefined;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Nothing is in hand. */
  get idle(): boolean {
    return this.#inHand.size === 0;
  }

  /** How many messages have ended without a broker's having heard how: they will come again. */
  get unheard(): number {
    return this.#unheard.size;
  }

  /** A broker has delivered the message again and was answered. */
  heard(name: Name): void {
    this.#unheard.delete(keyOf(name));
  }

  /** Waits for all work that is in hand, and then for a while until the broker knows how it ended. */
  async settled(): Promise<void> {
    this.#stoppingAt ??= clockMs();
    const before = [...this.#unheard];
    while (this.#inHand.size > 0) await Promise.all(this.#inHand);
    // Another broker may be there by now: it would ask, but then we are gone.
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

  /** The work on it goes on: its ack-wait begins anew. @returns whether it is still ours */
  extend(name: Name): Promise<boolean> {
    return this.#tell(name, Verb.Extend);
  }

  /**
   * Tells the broker of the moment; it may be another than the one that delivered.
   * @returns whether it knows, and the message was ours
   */
  settle(name: Name, verb: Verb): Promise<boolean> {
    const { handled } = this.#options;
    // A broker that was restarted meanwhile delivers it again: the answer is then known.
    if (verb === Verb.Done) handled.change(name, 0);
    else if (verb === Verb.Failed) handled.change(name, Reason.Failed);
    // No answer says the others: it is settled once more.
    else handled.change(name, Reason.Later, verb);
    const told = this.#tell(name, verb);
    this.keep(told);
    return told.catch(() => false);
  }

  /** False when there is nobody to tell, or it is not ours any more. */
  #tell(name: Name, verb: Verb): Promise<boolean> {
    const told = new Promise<boolean>((resolve) => {
      this.#due.push({ name, verb, since: clockMs(), resolve });
    });
    // What is settled in the same turn goes into one frame.
    this.#telling ??= Promise.resolve().then(() => this.#tellDue());
    return told;
  }

  async #tellDue(): Promise<void> {
    while (this.#due.length > 0) {
      // One that says that the work goes on is alone in its frame.
      const extend = this.#due.findIndex(({ verb }) => verb === Verb.Extend);
      const count = extend < 0 ? MAX_SETTLEMENTS : Math.max(extend, 1);
      await this.#tellTogether(this.#due.splice(0, Math.min(count, MAX_SETTLEMENTS)));
    }
    this.#telling = undefined;
  }

  /** Again and again, until the broker has heard of all of them or patience ends. */
  async #tellTogether(due: readonly Due[]): Promise<void> {
    const { dir, table, onError } = this.#options;
    const began = Math.max(...due.map(({ since }) => since));
    const isPatient = (ms: number) =>
      this.#stoppingAt === undefined || clockMs() <= Math.max(began, this.#stoppingAt) + ms;
    let isStuck = false;
    let reported = false;
    while (isPatient(isStuck ? LAST_PATIENCE_MS : LONGEST_PATIENCE_MS)) {
      try {
        const broker = findBroker(dir, table);
        const info = table.read(broker.pid);
        isStuck = info !== undefined && isStopped(info);
        const outcome = await this.#send(broker, due);
        if (outcome === undefined) return conclude(due, false);
        const isUnknown = outcome.kind === 'refused' && outcome.reason === Reason.Unknown;
        if (outcome.kind === 'accepted' || isUnknown) return await this.#onHeard(due, !isUnknown);
      } catch (error) {
        // No broker: the next one finds out when it delivers the message again.
        if (isUnavailable(error)) break;
        if (!(error instanceof LinkError) && !reported) onError(error);
        reported ||= !(error instanceof LinkError);
      }
      await sleep(SETTLE_RETRY_MS);
    }
    for (const { name, verb } of due) {
      if (verb !== Verb.Extend) this.#unheard.set(keyOf(name), { name, verb });
    }
    conclude(due, false);
  }

  /** Undefined: the broker cannot be told. */
  async #send(broker: BrokerFound, due: readonly Due[]): Promise<FrameOutcome | undefined> {
    const { dir, table, endpoint } = this.#options;
    if (broker.kind !== 'echo') return undefined;
    return endpoint.echo?.withBus((channel) => {
      // While we waited for the bus another broker may have come, in the same process even, with another store.
      const now = findBroker(dir, table);
      const accepts = acceptsOf(now.accepts);
      if (due.length > 1 && !accepts.batch) return Promise.resolve(ONE_BY_ONE);
      return channel.send(
        now,
        settlementsFrame(
          due.map((one) => settleOf(one, now)),
          accepts,
        ),
      );
    });
  }

  /** @param isKnown false: one of them is not, at least */
  async #onHeard(due: readonly Due[], isKnown: boolean): Promise<void> {
    if (!isKnown && due.length > 1) {
      for (const one of due) await this.#tellTogether([one]);
      return;
    }
    for (const { name } of due) this.heard(name);
    conclude(due, isKnown);
  }
}

/** As if the broker did not know one of them: each is told for itself. */
const ONE_BY_ONE: FrameOutcome = { kind: 'refused', reason: Reason.Unknown };

function conclude(due: readonly Due[], isKnown: boolean): void {
  for (const { resolve } of due) resolve(isKnown);
}

/** What is of the broker that is told need not say so. */
function settleOf({ name, verb }: Due, { incarnation: current }: BrokerFound): Settle {
  const { id, delivery, incarnation } = name;
  const isCurrent = incarnation === 0 || incarnation === current;
  return { id, delivery, verb, incarnation: isCurrent ? undefined : incarnation };
}
