import { DEFAULT_QUEUE } from '../codec/fields.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import { type Accepts, acceptsOf, NOTHING_MORE } from '../link/messages.ts';
import { MAX_DURATION_MS } from '../options/durations.ts';
import { isQueueName, MAX_QUEUES } from '../options/kinds.ts';
import { MAX_JOBS, MAX_PREFETCH } from '../options/values.ts';
import type { DeliveryName, Outcome, Reserved } from '../queue/store.ts';
import { type Claim, registeredBy } from '../registry/claim.ts';
import type { AckWait } from './ack-wait.ts';
import type { Told } from './delivery.ts';
import { keyOf, type Peer } from './peer.ts';

/** First pause before a consumer that did not answer is tried again, doubled each time; ms. */
export const FIRST_REST_MS = 250;

/** A delivery that has begun and is not settled: which one, and of which queue. */
export interface Unsettled extends DeliveryName {
  readonly queue: string;
  /** It is being sent, or about to be: who sends it knows what became of it when the consumer ends. */
  isSending: boolean;
  /** The consumer has it, and only so long to settle it. */
  ackWait?: AckWait | undefined;
  /** It is settled as soon as the store has written it down. */
  settling?: { readonly kind: Outcome['kind']; readonly verdict: Promise<Verdict> } | undefined;
}

/** A process that takes messages. */
export interface ConsumerState extends Peer {
  /** See {@link keyOf}. */
  readonly key: string;
  kind: 'echo' | 'plain';
  /** Its line says that it is a plain peer, whatever else it catches. */
  saysPlain: boolean;
  queues: readonly string[];
  /** Messages that it takes at once in any case. */
  jobs: number;
  /** Messages that it takes at once if it is quick; never fewer than `jobs`. */
  prefetch: number;
  /** So many of these it gets now: twice as many each time that it is done with all of them. */
  hand: number;
  /** Messages that it wants altogether. */
  count: number;
  /** Which registration of its process it is, as it says, from 1; each begins to count anew. */
  nth: number;
  /** Of these it was given so many, and has not given back. */
  given: number;
  /** What it takes beside a message in a frame of its own. */
  accepts: Accepts;
  /** How long it may keep a message; undefined: as the broker says; ms. */
  ackWaitMs: number | undefined;
  /** What it has got, or is about to get, and has not settled, by message id. */
  readonly inFlight: Map<number, Unsettled>;
  /** Those among them of which it is not known whether it got them. */
  owed: Reserved[];
  /** Messages that went to others because it was silent for too long; they take up slots until it speaks. */
  readonly overdue: Map<number, DeliveryName>;
  /** Undefined: it is not certain what it was told last. */
  told: Told | undefined;
  /** Frames that were sent to it. */
  sent: number;
  /** It did not answer: not before this, ms of performance.now(). */
  restsUntil: number;
  restMs: number;
}

/** What a consumer says of itself. */
export function wishesOf(
  line: Claim,
  kind: 'echo' | 'plain',
): Pick<
  ConsumerState,
  'saysPlain' | 'queues' | 'jobs' | 'prefetch' | 'count' | 'nth' | 'accepts' | 'ackWaitMs'
> {
  const { attrs } = line;
  const isEcho = kind === 'echo';
  const jobs = isEcho ? numberOf(attrs.get('jobs'), MAX_JOBS) : 1;
  const prefetch = isEcho ? numberOf(attrs.get('prefetch'), MAX_PREFETCH) : 1;
  const ackWait = Number(attrs.get('ackwait'));
  return {
    saysPlain: registeredBy(line).saysPlain === true,
    queues: attrs.get('queues')?.split(',', MAX_QUEUES).filter(isQueueName) ?? [DEFAULT_QUEUE],
    jobs,
    prefetch: Math.max(jobs, prefetch),
    count: numberOf(attrs.get('count'), Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY),
    nth: numberOf(attrs.get('nth'), Number.MAX_SAFE_INTEGER),
    accepts: isEcho ? acceptsOf(attrs.get('accepts')) : NOTHING_MORE,
    ackWaitMs: ackWait > 0 && ackWait <= MAX_DURATION_MS ? ackWait : undefined,
  };
}

/** What is no whole number above 0 was not said. */
function numberOf(said: string | undefined, most: number, otherwise = 1): number {
  const number = Number(said);
  return Number.isSafeInteger(number) && number > 0 ? Math.min(number, most) : otherwise;
}

/** How many messages it may get now. */
export function roomOf(consumer: ConsumerState): number {
  const { inFlight, overdue, jobs, prefetch, hand, count, given } = consumer;
  const atOnce = Math.min(Math.max(jobs, hand), prefetch);
  return Math.min(atOnce - inFlight.size - overdue.size, count - given);
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
    told: undefined,
    sent: 0,
    restsUntil: 0,
    restMs: FIRST_REST_MS,
  };
}
