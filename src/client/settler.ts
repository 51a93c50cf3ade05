import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { Reason } from '../codec/reason.ts';
import { MAX_ANSWER_BODY_BYTES } from '../link/answer.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { LinkError } from '../link/errors.ts';
import type { FrameOutcome } from '../link/frame-sender.ts';
import { acceptsOf } from '../link/messages.ts';
import {
  MAX_SETTLEMENTS,
  type Settle,
  settlementsFrame,
  type Told,
  Verb,
} from '../link/settlement.ts';
import { type BrokerFound, findBroker, inspectBroker } from '../registry/broker-file.ts';
import { isStopped, type ProcessTable } from '../registry/process-info.ts';
import { type Handled, keyOf, type Name } from './handled.ts';
import { isUnavailable } from './retry.ts';

/** Pause before a settlement is retried while the broker does not answer; ms. */
const SETTLE_RETRY_MS = 200;
/** A consumer that is stopping no longer tries a broker that is stopped (Ctrl-Z) after this; ms. */
const LAST_PATIENCE_MS = 5000;
/** Nor one that is running, after this: it is short of time. The message goes to another once we have ended; ms. */
const LONGEST_PATIENCE_MS = 30_000;

/** Of reasons in one frame: well below what every broker takes (docs/protocol.md, section 6, *Batches*). */
const MAX_REASONS_BYTES = 16 << 10;

/** How a delivery ended. */
interface Ended {
  readonly name: Name;
  readonly verb: Verb;
  /** Why, and what is for who asked. */
  readonly told?: Told | undefined;
}

/** What the broker is to be told. */
interface Due extends Ended {
  /** Since when, by `clockMs()`. */
  readonly since: number;
  readonly resolve: (isKnown: boolean) => void;
}

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
  readonly #unheard = new Map<string, Ended>();
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
    for (const [key, ended] of before) {
      if (this.#unheard.has(key)) await this.#tell(ended);
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
    return this.#tell({ name, verb: Verb.Extend });
  }

  /**
   * Tells the current broker, which may be another one than delivered the message.
   * @param told for who asked
   * @returns whether it knows, and the message was ours
   */
  settle(name: Name, verb: Verb, told?: Told): Promise<boolean> {
    const { handled } = this.#options;
    // A broker that was restarted in the meantime delivers it again: then the answer is already known.
    if (verb === Verb.Done && !told) handled.change(name, 0);
    else if (verb === Verb.Failed && !told) handled.change(name, Reason.Failed);
    // No answer can express the others: they are settled once more.
    else handled.change(name, Reason.Later, verb, told);
    const heard = this.#tell({ name, verb, told });
    this.keep(heard);
    return heard.catch(() => false);
  }

  /** The largest reply that the current broker takes; bytes. */
  get maxReplyBytes(): number {
    const found = inspectBroker(this.#options.dir, this.#options.table);
    const max = found.ok ? found.maxMessageBytes : undefined;
    return Math.min(max ?? MAX_ANSWER_BODY_BYTES, MAX_ANSWER_BODY_BYTES);
  }

  /** False when there is nobody to tell, or it is not ours any more. */
  #tell(ended: Ended): Promise<boolean> {
    const heard = new Promise<boolean>((resolve) => {
      this.#due.push({ ...ended, since: clockMs(), resolve });
    });
    // What is settled in the same turn goes into one frame.
    this.#telling ??= Promise.resolve().then(() => this.#tellDue());
    return heard;
  }

  async #tellDue(): Promise<void> {
    while (this.#due.length > 0) {
      const alone = this.#due.findIndex(isAlone);
      const count = alone < 0 ? this.#due.length : Math.max(alone, 1);
      await this.#tellTogether(this.#due.splice(0, Math.min(count, fitting(this.#due))));
    }
    this.#telling = undefined;
  }

  /** Again and again, until the broker has heard of all of them or patience ends. */
  async #tellTogether(all: readonly Due[]): Promise<void> {
    let due = all;
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
        // Another broker than the one that asked takes no such reply: it is done all the same.
        if (outcome.kind === 'refused' && OF_REPLIES.has(outcome.reason))
          due = due.map(withoutReply);
      } catch (error) {
        // No broker: the next one finds out when it delivers the message again.
        if (isUnavailable(error)) break;
        if (!(error instanceof LinkError) && !reported) onError(error);
        reported ||= !(error instanceof LinkError);
      }
      await sleep(SETTLE_RETRY_MS);
    }
    for (const { name, verb, told } of due) {
      if (verb !== Verb.Extend) this.#unheard.set(keyOf(name), { name, verb, told });
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
    for (const { name, verb } of due) {
      this.heard(name);
      // The broker keeps the reply now, if there was one: it need not be kept here, too.
      if (verb === Verb.Done) this.#options.handled.change(name, 0);
    }
    conclude(due, isKnown);
  }
}

/** How many settlements go into a frame, with their reasons: at least one. */
function fitting(due: readonly Due[]): number {
  let bytes = 0;
  const end = due.findIndex(({ told }, n) => {
    bytes += Buffer.byteLength(told?.reason ?? '');
    return n > 0 && bytes > MAX_REASONS_BYTES;
  });
  return Math.min(end < 0 ? due.length : end, MAX_SETTLEMENTS);
}

/** Refusals that may be meant for a reply: it is larger than the broker accepts now, or the broker knows none. */
const OF_REPLIES: ReadonlySet<Reason> = new Set([Reason.TooLarge, Reason.Unsupported]);

function withoutReply(due: Due): Due {
  const { reason } = due.told ?? {};
  return { ...due, told: reason === undefined ? undefined : { reason } };
}

/** One that says that the work goes on is alone in its frame, and so is one with a reply, which may be long. */
function isAlone({ verb, told }: Due): boolean {
  return verb === Verb.Extend || told?.reply !== undefined;
}

/** As if the broker did not know one of them: each is told for itself. */
const ONE_BY_ONE: FrameOutcome = { kind: 'refused', reason: Reason.Unknown };

function conclude(due: readonly Due[], isKnown: boolean): void {
  for (const { resolve } of due) resolve(isKnown);
}

/** What is of the broker that is told need not say so. */
function settleOf({ name, verb, told }: Due, { incarnation: current }: BrokerFound): Settle {
  const { id, delivery, incarnation } = name;
  const isCurrent = incarnation === 0 || incarnation === current;
  return { ...told, id, delivery, verb, incarnation: isCurrent ? undefined : incarnation };
}
