import { DEFAULT_QUEUE } from '../codec/fields.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import { type Accepts, acceptsOf, NOTHING_MORE } from '../link/messages.ts';
import { Packer } from '../link/model.ts';
import type { Told as SettlementTold } from '../link/settlement.ts';
import { MAX_DURATION_MS } from '../options/durations.ts';
import { isQueueOrGroup } from '../options/groups.ts';
import { MAX_QUEUES } from '../options/kinds.ts';
import { MAX_JOBS, MAX_PREFETCH } from '../options/values.ts';
import { MAX_WEIGHT } from '../options/weights.ts';
import type { DeliveryName, Outcome, Reserved } from '../queue/message.ts';
import { type Claim, registeredBy } from '../registry/claim.ts';
import type { AckWait } from './ack-wait.ts';
import { keyOf, type Peer } from './peer.ts';
import type { Told } from './told.ts';

/** First pause before a consumer that did not answer is tried again; it doubles each time; ms. */
export const FIRST_REST_MS = 250;

/** A delivery, and when its message was accepted. */
type Given = DeliveryName & Pick<Reserved, 'enqueuedAt'>;

/** A delivery that has begun and is not settled yet. */
export interface Unsettled extends Given {
  readonly queue: string;
  /** Who waits for what becomes of it. */
  readonly asker?: string;
  /** When it began; ms since the epoch, by `steadyMs()`. */
  readonly since: number;
  /** It is being sent, or about to be: the sender learns what became of it if the consumer ends. */
  isSending: boolean;
  /** The consumer cannot receive it. */
  isMissed?: boolean;
  /** The consumer has it, and this long to settle it. */
  ackWait?: AckWait | undefined;
  /** It counts as settled once the store has recorded it. */
  settling?: { readonly kind: Outcome['kind']; readonly verdict: Promise<Verdict> } | undefined;
}

/** How a delivery ends. */
export interface Ending {
  readonly id: number;
  readonly outcome: Outcome;
  readonly known: Unsettled;
  /** For who asked. */
  readonly told?: SettlementTold | undefined;
}

/** A process that takes messages. */
export interface ConsumerState extends Peer {
  /** See {@link keyOf}. */
  readonly key: string;
  kind: 'echo' | 'plain';
  /** Its line says that it is a plain peer, whatever else it catches. */
  saysPlain: boolean;
  /** Queues, or groups of them. */
  queues: readonly string[];
  /** Of its queues, in their order: how many messages of each to those of the others; undefined: the oldest first. */
  weights: readonly number[] | undefined;
  /** Messages that it takes at a time in any case. */
  jobs: number;
  /** Messages that it takes at a time if it is quick; never fewer than `jobs`. */
  prefetch: number;
  /** How many of these it gets now: twice as many each time that it is done with all of them. */
  hand: number;
  /** How many messages it wants altogether. */
  count: number;
  /** Which registration of its process this is, as it says, from 1; each begins to count anew. */
  nth: number;
  /** How many of these it was given, unless it never received them, or gave them back. */
  given: number;
  /** What it accepts besides one message per frame. */
  accepts: Accepts;
  /** How long it may keep a message; undefined: the broker decides; ms. */
  ackWaitMs: number | undefined;
  /** What it has received, or is about to, and has not settled, by message id. */
  readonly inFlight: Map<number, Unsettled>;
  /** Those among them that it may or may not have received. */
  owed: Reserved[];
  /** Messages that went to others because it was silent for too long; they occupy slots until it reports back. */
  readonly overdue: Map<number, Given>;
  /** What it and this broker have learned from what was sent to it. */
  readonly packer: Packer;
  /** What it was told last; undefined: not known for certain. */
  told: Told | undefined;
  /** Frames that have been sent to it. */
  sent: number;
  /** It did not answer: leave it alone until then; ms of `clockMs`. */
  restsUntil: number;
  restMs: number;
}

/** What a consumer asks for in its line. */
export function wishesOf(
  line: Claim,
  kind: 'echo' | 'plain',
): Pick<
  ConsumerState,
  | 'saysPlain'
  | 'queues'
  | 'weights'
  | 'jobs'
  | 'prefetch'
  | 'count'
  | 'nth'
  | 'accepts'
  | 'ackWaitMs'
> {
  const { attrs } = line;
  const isEcho = kind === 'echo';
  const jobs = isEcho ? numberOf(attrs.get('jobs'), MAX_JOBS) : 1;
  const prefetch = isEcho ? numberOf(attrs.get('prefetch'), MAX_PREFETCH) : 1;
  const ackWait = Number(attrs.get('ackwait'));
  const queues = queuesOf(attrs.get('queues'));
  return {
    saysPlain: registeredBy(line).saysPlain === true,
    queues,
    weights: weightsOf(attrs.get('weights'), queues.length),
    jobs,
    prefetch: Math.max(jobs, prefetch),
    count: numberOf(attrs.get('count'), Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY),
    nth: numberOf(attrs.get('nth'), Number.MAX_SAFE_INTEGER),
    accepts: isEcho ? acceptsOf(attrs.get('accepts')) : NOTHING_MORE,
    ackWaitMs: ackWait > 0 && ackWait <= MAX_DURATION_MS ? ackWait : undefined,
  };
}

function queuesOf(said: string | undefined): readonly string[] {
  return said?.split(',', MAX_QUEUES).filter(isQueueOrGroup) ?? [DEFAULT_QUEUE];
}

/** If there is not one for each queue, none was said. */
function weightsOf(said: string | undefined, count: number): readonly number[] | undefined {
  const weights = said?.split(',', MAX_QUEUES).map((one) => numberOf(one, MAX_WEIGHT));
  return weights?.length === count ? weights : undefined;
}

/** What is no whole number above 0 was not said. */
function numberOf(said: string | undefined, most: number, otherwise = 1): number {
  const number = Number(said);
  return Number.isSafeInteger(number) && number > 0 ? Math.min(number, most) : otherwise;
}

/** How many messages it may get now. */
export function roomOf(consumer: ConsumerState): number {
  return roomFor(consumer, Math.max(consumer.jobs, consumer.hand));
}

/** How many it may get once it is done, at once, with what it has. */
export function mostRoomOf(consumer: ConsumerState): number {
  return roomFor(consumer, consumer.prefetch);
}

function roomFor(consumer: ConsumerState, atOnce: number): number {
  const { inFlight, overdue, prefetch, count, given } = consumer;
  return Math.min(Math.min(atOnce, prefetch) - inFlight.size - overdue.size, count - given);
}

/** Whether it is this delivery of the message that is meant. */
export function isSame(
  known: DeliveryName | undefined,
  { incarnation, delivery }: DeliveryName,
): boolean {
  return known?.incarnation === incarnation && known.delivery === delivery;
}

/** These deliveries to it have ended. */
export function conclude(consumer: ConsumerState, endings: readonly Ending[]): void {
  for (const { id, outcome, known } of endings) {
    // By now it may have been given to the same consumer again.
    if (consumer.inFlight.get(id) === known) consumer.inFlight.delete(id);
    if (known.isMissed || isGivenBack(outcome)) consumer.given--;
  }
  if (consumer.owed.length > 0)
    consumer.owed = consumer.owed.filter(({ id }) => consumer.inFlight.has(id));
  if (!isAtWork(consumer)) consumer.hand = handAfter(consumer, endings);
}

/** Whether it has anything to settle besides what is on its way. */
function isAtWork({ inFlight }: ConsumerState): boolean {
  for (const { isSending } of inFlight.values()) if (!isSending) return true;
  return false;
}

/** The consumer may get another one in its place. */
function isGivenBack({ kind }: Outcome): boolean {
  return kind === 'untaken' || kind === 'return';
}

/** Who is done with all that it had gets twice as much, up to what it wants. */
function handAfter({ hand, prefetch }: ConsumerState, endings: readonly Ending[]): number {
  const isDone = endings.every(({ outcome }) => outcome.kind === 'done');
  return isDone ? Math.min(hand * 2, prefetch) : hand;
}

export function newConsumer(line: Claim, peer: Peer, kind: 'echo' | 'plain'): ConsumerState {
  return {
    pid: peer.pid,
    start: peer.start,
    key: keyOf(peer),
    kind,
    ...wishesOf(line, kind),
    hand: 1,
    given: 0,
    inFlight: new Map(),
    owed: [],
    overdue: new Map(),
    packer: new Packer(),
    told: undefined,
    sent: 0,
    restsUntil: 0,
    restMs: FIRST_REST_MS,
  };
}
