import { decodeFrame, type Envelope } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import { requestOf } from '../link/request.ts';
import { type Settle, settlementsOf, Verb } from '../link/settlement.ts';
import type { DeliveryName } from '../queue/store.ts';
import type { InFlight } from './in-flight.ts';
import type { Intake, Judged } from './intake.ts';
import type { Journal } from './journal.ts';
import { keyOf, type Peer } from './peer.ts';
import type { Requests } from './requests.ts';
import type { Roster } from './roster.ts';

const OUTCOMES = {
  [Verb.Done]: 'done',
  [Verb.Failed]: 'failed',
  [Verb.Release]: 'release',
  [Verb.Return]: 'return',
  [Verb.Dead]: 'dead',
} as const;

export interface ReceptionOptions {
  readonly intake: Intake;
  readonly roster: Pick<Roster, 'get'>;
  readonly inFlight: InFlight;
  readonly requests: Pick<Requests, 'take'>;
  readonly journal: Journal;
  /** The store's: what a settlement means that states none. */
  readonly incarnation: number;
}

/** Everything that arrives at a broker comes in here: messages, settlements, requests. */
export class Reception {
  readonly #options: ReceptionOptions;

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** A frame from an echo peer. The verdict is its answer. */
  take(peer: Peer, frame: Uint8Array): Verdict | Promise<Verdict | undefined> {
    const decoded = decodeFrame(frame);
    if (decoded.kind === 'envelope' && decoded.envelope.control) {
      return this.#takeControl(peer, decoded.envelope);
    }
    const judged = this.#options.intake.judge(peer, decoded);
    if (judged instanceof Promise) return judged.then((late) => this.#conclude(late));
    return this.#conclude(judged);
  }

  /** A message of a plain peer: nobody is waiting for an answer. */
  async takePlain(body: Uint8Array): Promise<void> {
    const { intake, journal } = this.#options;
    const verdict = this.#conclude(await intake.takePlain(body));
    if (verdict !== Reason.TooLarge) return;
    journal.say({ type: 'plain-message-refused', bytes: body.length });
  }

  #takeControl(peer: Peer, envelope: Envelope): Verdict | Promise<Verdict> {
    const settlements = settlementsOf(envelope);
    if (settlements) return this.#settle(peer, settlements);
    const request = requestOf(envelope);
    return request ? this.#options.requests.take(peer, request) : Reason.Unsupported;
  }

  /** docs/protocol.md, section 7. */
  async #settle(peer: Peer, settlements: readonly Settle[]): Promise<Verdict> {
    const { roster, inFlight } = this.#options;
    await inFlight.recovered;
    const consumer = roster.get(keyOf(peer));
    if (!consumer) return Reason.Unknown;
    const [only] = settlements;
    if (settlements.length === 1 && only) {
      const { id, verb } = only;
      if (verb === Verb.Extend) return inFlight.extend(consumer, id, this.#nameOf(only));
      return inFlight.settle(consumer, id, { kind: OUTCOMES[verb] }, this.#nameOf(only));
    }
    const all = [];
    for (const one of settlements) {
      if (one.verb === Verb.Extend) return Reason.Unsupported;
      all.push({ id: one.id, outcome: { kind: OUTCOMES[one.verb] }, name: this.#nameOf(one) });
    }
    return inFlight.settleAll(consumer, all);
  }

  #nameOf({ incarnation, delivery }: Settle): DeliveryName {
    return { incarnation: incarnation ?? this.#options.incarnation, delivery };
  }

  #conclude<V extends Verdict | undefined>(judged: Judged & { readonly verdict: V }): V {
    const { verdict, published, isRepeat, refused, error } = judged;
    const { journal } = this.#options;
    if (error !== undefined) journal.error(error);
    if (published) journal.published(published);
    if (isRepeat) journal.repeated();
    if (refused && verdict) journal.refused(verdict, refused);
    return verdict;
  }
}
