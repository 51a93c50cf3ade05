import { clockMs } from '../clock.ts';
import { decodeFrame, type Envelope } from '../codec/envelope.ts';
import { DEFAULT_QUEUE } from '../codec/fields.ts';
import { Reason } from '../codec/reason.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { Sender } from '../link/inbound.ts';
import { Verb } from '../link/settlement.ts';
import type { Handled, Name } from './handled.ts';
import { DeliveredMessage, type Message, type MessageContent } from './message.ts';
import type { Settler } from './settler.ts';

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

  /** The answer settles it, or announces a settlement. */
  judge(sender: Sender, frame: Uint8Array): Verdict {
    const { handled, settler } = this.#options;
    const decoded = decodeFrame(frame);
    if (decoded.kind === 'unsupported') return Reason.Unsupported;
    if (decoded.kind !== 'envelope') return Reason.Damaged;
    const { control, body, fields } = decoded.envelope;
    if (control) return this.#options.judgeControl(decoded.envelope);
    const { id, attempt = 1, queue = DEFAULT_QUEUE, headers = [], releases = 0 } = fields;
    if (id === undefined) return Reason.Unsupported;
    const incarnation = incarnationOf(sender, fields.incarnation);
    const name = { id, incarnation, delivery: fields.delivery ?? attempt };
    const before = handled.get(name);
    if (before) {
      settler.heard(name);
      if (before.settled) void settler.settle(name, before.settled);
      return before.verdict;
    }
    if (this.isOver) return Reason.Closing;
    return this.#take(name, { id, attempt, queue, headers, releases, body: body.slice() });
  }

  /** If it is settled while being taken, the answer says so, provided there is an answer that can. */
  #take(name: Name, content: MessageContent): Verdict {
    const { settler, handled, take } = this.#options;
    let isAnswered = false;
    let early: Verb | undefined;
    let settled: (isKnown: boolean | Promise<boolean>) => void = () => {};
    const inHand = new Promise<boolean>((resolve) => {
      settled = resolve;
    });
    const message = new DeliveredMessage(content, (verb) => {
      if (verb === Verb.Extend) return isAnswered ? settler.extend(name) : Promise.resolve(true);
      if (isAnswered) settled(settler.settle(name, verb));
      else early = verb;
      return inHand;
    });
    const began = clockMs();
    take(message);
    isAnswered = true;
    // If we were stopped in the meantime (Ctrl-Z, `stty tostop`), the broker gave up, and the answer may go
    // unheard.
    const isSure = clockMs() - began < SURE_MS;
    const verdict = early === undefined ? undefined : verdictOf(early, isSure);
    if (verdict !== undefined) {
      settled(true);
      // As if it had never come.
      return verdict === Reason.Closing ? verdict : handled.add(name, verdict);
    }
    settler.keep(inHand);
    handled.add(name, Reason.Later);
    if (early !== undefined) settled(settler.settle(name, early));
    return Reason.Later;
  }
}

/**
 * The broker that delivered last, `pid:start`, and the incarnation that it stated: known to the process, not to one
 * consumer.
 */
let told = { by: '', incarnation: 0 };

/** The incarnation in which a delivery was made: the one its broker stated last, unless it states another. */
function incarnationOf({ pid, start }: Sender, said: number | undefined): number {
  const by = `${pid}:${start}`;
  told = { by, incarnation: said ?? (told.by === by ? told.incarnation : 0) };
  return told.incarnation;
}

/** What an answer can express; undefined: a settlement has to follow. */
function verdictOf(verb: Verb, isSure: boolean): Verdict | undefined {
  if (verb === Verb.Done && isSure) return 0;
  if (verb === Verb.Failed) return Reason.Failed;
  return verb === Verb.Return ? Reason.Closing : undefined;
}
