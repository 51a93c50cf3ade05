import { decodeFrame, type Envelope } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import { MAX_ANSWER_BODY_BYTES } from '../link/answer.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import { requestOf } from '../link/request.ts';
import { type Settle, settlementsOf, Verb } from '../link/settlement.ts';
import { reasonText } from '../queue/failure.ts';
import type { DeliveryName, Outcome } from '../queue/message.ts';
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
  /** Bytes of a reply. */
  readonly maxMessageBytes: number;
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
    const maxMessageBytes = Math.min(this.#options.maxMessageBytes, MAX_ANSWER_BODY_BYTES);
    const settlements = settlementsOf(envelope, maxMessageBytes);
    if (settlements) {
      const isTooLarge = settlements.some(({ reply }) => (reply?.length ?? 0) > maxMessageBytes);
      return isTooLarge ? Reason.TooLarge : this.#settle(peer, settlements);
    }
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
      const name = this.#nameOf(only);
      if (verb === Verb.Extend) return inFlight.extend(consumer, id, name);
      return inFlight.settle(consumer, id, outcomeOf(verb, only.reason), name, only);
    }
    const all = [];
    for (const one of settlements) {
      if (one.verb === Verb.Extend) return Reason.Unsupported;
      const outcome = outcomeOf(one.verb, one.reason);
      all.push({ id: one.id, outcome, name: this.#nameOf(one), told: one });
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

/** What is done, or was not begun, needs no reason. */
function outcomeOf(verb: keyof typeof OUTCOMES, reason: string | undefined): Outcome {
  const kind = OUTCOMES[verb];
  if (!reason || kind === 'done' || kind === 'return') return { kind };
  return { kind, reason: reasonText(reason) };
}
