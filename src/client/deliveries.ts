import { clockMs } from '../clock.ts';
import { decodeFrame, type Envelope } from '../codec/envelope.ts';
import { DEFAULT_QUEUE, type MessageFields } from '../codec/fields.ts';
import { Reason } from '../codec/reason.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { Sender } from '../link/inbound.ts';
import { messagesOf } from '../link/messages.ts';
import { type Told, Verb } from '../link/settlement.ts';
import { MAX_RECEIVED_BYTES } from './client-endpoint.ts';
import type { Handled, Name } from './handled.ts';
import { Handover } from './handover.ts';
import type { Message } from './message.ts';
import type { Settler } from './settler.ts';
import { namesOf, unpackerFor } from './told.ts';

/** A broker always waits longer than this for an answer, even when we are stopped (link/transmitter.ts); ms. */
const SURE_MS = 250;

export interface DeliveriesOptions {
  readonly settler: Settler;
  readonly handled: Handled;
  /** The message is ours now; it may be settled before this returns. */
  take(message: Message): void;
  /** Anything that is not a delivery. */
  judgeControl(envelope: Envelope): Verdict;
}

/** What the broker delivers, and how it is answered. */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  /** Nothing more is accepted. */
  isOver = false;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** The answer settles them, or announces settlements. */
  judge(sender: Sender, frame: Uint8Array): Verdict {
    const decoded = decodeFrame(frame);
    if (decoded.kind === 'unsupported') return Reason.Unsupported;
    if (decoded.kind !== 'envelope') return Reason.Damaged;
    if (decoded.envelope.control) return this.#options.judgeControl(decoded.envelope);
    const entries = messagesOf(decoded.envelope, MAX_RECEIVED_BYTES, unpackerFor(sender));
    if (!Array.isArray(entries)) return entries;
    const names = namesOf(sender, decoded.envelope.fields.incarnation, entries);
    if (!names) return Reason.Unsupported;
    const began = clockMs();
    const arrivals = entries.map(({ fields, body }, n) => {
      return this.#arrive(names[n] as Name, { ...fields, body: body.slice() });
    });
    // Who has stood still meanwhile (Ctrl-Z, `stty tostop`) was given up, and the answer may go unheard.
    const isSure = clockMs() - began < SURE_MS;
    const [verdict, ...others] = arrivals.map((arrival) => verdictOf(arrival, isSure));
    const isOneAnswer = verdict !== undefined && others.every((other) => other === verdict);
    if (isOneAnswer && (others.length === 0 || verdict === 0 || verdict === Reason.Closing)) {
      for (const arrival of arrivals) this.#conclude(arrival, verdict);
      return verdict;
    }
    for (const arrival of arrivals) this.#postpone(arrival);
    return Reason.Later;
  }

  #arrive(name: Name, { body, ...fields }: MessageFields & { body: Uint8Array }): Arrival {
    const { handled, settler, take } = this.#options;
    const before = handled.get(name);
    if (before) {
      settler.heard(name);
      return { kind: 'repeat', name, ...before };
    }
    if (this.isOver) return { kind: 'untaken', name };
    const { attempt = 1, queue = DEFAULT_QUEUE, headers = [], releases = 0, asked } = fields;
    const isAsked = asked === 1;
    const content = { id: name.id, attempt, queue, headers, releases, isAsked, body };
    const handover = new Handover(name, content, settler);
    take(handover.message);
    return { kind: 'new', name, handover };
  }

  /** The answer says it all. */
  #conclude(arrival: Arrival, verdict: Verdict): void {
    const { handled, settler } = this.#options;
    if (arrival.kind === 'repeat') {
      if (arrival.settled) void settler.settle(arrival.name, arrival.settled, arrival.told);
    } else if (arrival.kind === 'new') {
      // Or it is as if it had never come.
      if (verdict !== Reason.Closing) handled.add(arrival.name, verdict);
      if (verdict === Reason.Later) arrival.handover.postponed();
      else arrival.handover.answered();
    }
  }

  /** Each is settled for itself. */
  #postpone(arrival: Arrival): void {
    const { handled, settler } = this.#options;
    const { name } = arrival;
    if (arrival.kind === 'new') {
      handled.add(name, Reason.Later);
      arrival.handover.postponed();
    } else if (arrival.kind === 'untaken') {
      handled.add(name, Reason.Later);
      void settler.settle(name, Verb.Return);
    } else {
      const verb = arrival.settled ?? (arrival.verdict === 0 ? Verb.Done : undefined);
      if (verb) void settler.settle(name, verb, arrival.told);
      else if (arrival.verdict === Reason.Failed) void settler.settle(name, Verb.Failed);
    }
  }
}

/** What has become of a message that arrived. */
type Arrival =
  /** It was answered before. */
  | {
      readonly kind: 'repeat';
      readonly name: Name;
      readonly verdict: Verdict;
      readonly settled: Verb | undefined;
      readonly told?: Told | undefined;
    }
  /** Nothing more is taken. */
  | { readonly kind: 'untaken'; readonly name: Name }
  | { readonly kind: 'new'; readonly name: Name; readonly handover: Handover };

/** What an answer can say of it. */
function verdictOf(arrival: Arrival, isSure: boolean): Verdict {
  if (arrival.kind === 'repeat') return arrival.verdict;
  if (arrival.kind === 'untaken') return Reason.Closing;
  // An answer has no room for it.
  if (arrival.handover.told) return Reason.Later;
  switch (arrival.handover.early) {
    case Verb.Done:
      return isSure ? 0 : Reason.Later;
    case Verb.Failed:
      return Reason.Failed;
    case Verb.Return:
      return Reason.Closing;
    default:
      return Reason.Later;
  }
}
