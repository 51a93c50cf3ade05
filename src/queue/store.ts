/** A message as a producer gives it. */
export interface NewMessage {
  readonly queue: string;
  readonly body: Uint8Array;
  /** Higher goes first. */
  readonly priority: number;
  /** Not before this; ms from now. */
  readonly delayMs?: number;
  /** Discarded if no consumer takes it in this time; ms from now. */
  readonly ttlMs?: number;
  readonly headers?: Headers;
  /** Who sent it, under which number: kept with it, so that a repeat is recognised. */
  readonly producer?: { readonly process: string; readonly number: number };
}

export type Headers = readonly (readonly [name: string, value: string])[];

/** A message that a broker has. */
export interface QueuedMessage {
  /** Unique for the life of the store. */
  readonly id: number;
  readonly queue: string;
  readonly body: Uint8Array;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** 1 for the first; grows with each failure, and never begins anew. */
  readonly attempt: number;
  /** How often it was given back. */
  readonly releases: number;
  /** 1 for the first time that it is handed out. */
  readonly delivery: number;
  /** Milliseconds since the epoch. */
  readonly enqueuedAt: number;
}

/** A message in a consumer's hands. */
export interface Reserved extends QueuedMessage, DeliveryName {}

/** Names a delivery of a message; no other delivery of any store has the same. */
export interface DeliveryName {
  /** In which it was given out; see {@link Store.incarnation}. */
  readonly incarnation: number;
  /** 1 for the first time that the message is handed out. */
  readonly delivery: number;
}

/** A message that somebody holds. */
export interface Reservation extends Reserved {
  /** As given to {@link Store.reserve}. */
  readonly consumer: string;
}

/** How a delivery ended. */
export type Outcome =
  /** Handled: the message is gone. */
  | { readonly kind: 'done' }
  /** Not handled: an attempt is spent, and it comes again after a pause. */
  | { readonly kind: 'failed' }
  /** The consumer ended, or took too long: ready again at its old place, an attempt is spent. */
  | { readonly kind: 'lost' }
  /** The consumer wants it later: it comes again after a pause, no attempt spent. */
  | { readonly kind: 'release' }
  /** The consumer took it and is ending: ready again at its old place, no attempt spent. */
  | { readonly kind: 'return' }
  /** No consumer got it: everything is as before. */
  | { readonly kind: 'untaken' }
  /** Never to be delivered again. */
  | { readonly kind: 'dead' };

/** Of a message that a consumer holds. */
export interface Settlement {
  readonly id: number;
  readonly outcome: Outcome;
}

export type MessageState = 'ready' | 'delayed' | 'reserved' | 'dead';
export const STATES: readonly MessageState[] = ['ready', 'delayed', 'reserved', 'dead'];

/** What became of a message that was settled; `unknown`: it was not reserved. */
export type Settled = Exclude<MessageState, 'reserved'> | 'gone' | 'unknown';

export interface QueueCounts extends Readonly<Record<MessageState, number>> {
  readonly queue: string;
  /** Nothing is delivered from it until it is resumed. */
  readonly paused: boolean;
}

/** A message as one looks at it. */
export interface Stored extends QueuedMessage {
  readonly state: MessageState;
  readonly priority: number;
  /** Of the whole body, of which `body` may be a part. */
  readonly bytes: number;
  /** When a delayed one gets ready, ms since the epoch. */
  readonly dueAt?: number;
}

export interface Selection {
  readonly state?: MessageState | undefined;
  readonly ids?: readonly number[] | undefined;
  /** Default: all. */
  readonly limit?: number | undefined;
  /** For {@link Inspection.peek}: messages of each state that are left out at its start; default: none. */
  readonly skip?: number | undefined;
  /** Bytes of a body that are left out at its start; default: none. */
  readonly fromByte?: number | undefined;
  /** Bytes of a body that are wanted; default: all. */
  readonly maxBody?: number | undefined;
}

/** Looking at what waits, and changing it by hand. */
export interface Inspection {
  counts(): Promise<QueueCounts[]>;
  /** Without taking them: by state, then in the order of delivery; `limit` is 100 unless told. */
  peek(queue: string, selection?: Selection): Promise<Stored[]>;
  /** Removes messages for ever, but not those that a consumer holds; first ones first. @returns how many */
  purge(queue: string, selection?: Selection): Promise<number>;
  /**
   * Makes dead ones ready, behind those that wait, with all their attempts before them; they expire no more.
   * @returns how many
   */
  kick(queue: string, selection?: Pick<Selection, 'ids' | 'limit'>): Promise<number>;
  /** Stops deliveries from a queue, or lets them go on; it goes on taking messages. */
  pause(queue: string, paused: boolean): Promise<void>;
}

/**
 * Where messages wait. Nobody outside this folder knows which implementation it is; one that lives on
 * another machine is to fit, too, hence the promises. Every method may reject with a StoreError.
 */
export interface Store extends Inspection {
  /** For people: where the messages are. */
  readonly name: string;
  /** The same when it is opened again; no other store has it. */
  readonly identity: string;
  /** Of the file that it is, for who copies it; undefined: it is none. */
  readonly path?: string | undefined;
  /** For people: what is not as it should be, though it works. */
  readonly warning?: string | undefined;
  /**
   * A number drawn when it was opened, 1 to 2^40. A delivery is named by the incarnation in which it was made, the
   * message's id and its number: a store that was restored or exchanged gives ids again, but no names.
   */
  readonly incarnation: number;
  /**
   * Stores all of them or none; durable, by the store's policy, when it resolves.
   * @throws StoreFull nothing was stored; StoreError it could not be written
   */
  publish(batch: readonly NewMessage[]): Promise<number[]>;
  /** The number of the last message stored from a process; undefined: none is known. */
  lastNumber(process: string): Promise<number | undefined>;
  /** Whether {@link reserve} would give a message of these queues, as far as is known. */
  hasReady(queues: readonly string[]): Promise<boolean>;
  /**
   * The next messages of these queues: highest priority first, then the one that has been ready longest. The first is
   * for the first of the consumers, and so on.
   * @param maxBytes of them all; a larger one comes alone
   * @returns fewer than consumers when there are no more, or they would be too large together
   */
  reserve(
    queues: readonly string[],
    consumers: readonly string[],
    maxBytes?: number,
  ): Promise<Reserved[]>;
  /** All of them or none. @returns what became of each */
  settle(settlements: readonly Settlement[]): Promise<Settled[]>;
  /**
   * A delivery that was taken for lost is done after all. The message is gone if it waits and nobody got it since;
   * a dead one stays. @returns the queue that it has gone from; undefined: it is not gone
   */
  settleLate(id: number, name: DeliveryName): Promise<string | undefined>;
  /** What an earlier broker had given out when it ended. */
  reservations(): Promise<Reservation[]>;
  /** When {@link sweep} has something to do or to tell, ms since the epoch by `steadyMs()`; past: at once. */
  nextSweep(): Promise<number | undefined>;
  /**
   * What is due becomes ready, what has expired goes.
   * @returns whether something became ready since this was asked last, here or while something else was done
   */
  sweep(): Promise<boolean>;
  /** How many expired since this was asked last, by queue. */
  takeExpired(): ReadonlyMap<string, number>;
  /** Since when the message that has been ready longest is ready, ms since the epoch; undefined: none is. */
  oldest(queue: string): Promise<number | undefined>;
  /** When the last delayed message is due, ms since the epoch; undefined: none is delayed. */
  delayedUntil(): Promise<number | undefined>;
  close(): Promise<void>;
}

export interface StorePolicy {
  /** Messages that it may hold. */
  readonly maxMessages: number;
  /** Bytes of their bodies and headers. */
  readonly maxBytes: number;
  /** Attempts of one message before it counts as dead. */
  readonly maxAttempts: number;
  /** Times that one message may be given back before it counts as dead. */
  readonly maxReleases: number;
  /** Pause after the first failed attempt, or the first time given back, doubled after each further one; ms. */
  readonly backoffMs: number;
  /** What expires is kept as dead instead of removed. */
  readonly deadExpired: boolean;
}

export const DEFAULT_POLICY: StorePolicy = {
  maxMessages: 10_000_000,
  maxBytes: 1 << 30,
  maxAttempts: 5,
  maxReleases: Number.POSITIVE_INFINITY,
  backoffMs: 1000,
  deadExpired: false,
};

/** No pause before another attempt is longer; ms. */
const MAX_BACKOFF_MS = 3_600_000;

/** Pause before the next attempt when `times` have come to nothing; ms. */
export function backoff({ backoffMs }: Pick<StorePolicy, 'backoffMs'>, times: number): number {
  return Math.min(backoffMs * 2 ** (times - 1), MAX_BACKOFF_MS);
}

/** Bytes that a message counts with. */
export function sizeOf({ body, headers = [] }: Pick<NewMessage, 'body' | 'headers'>): number {
  return body.length + (headers.length > 0 ? Buffer.byteLength(JSON.stringify(headers)) : 0);
}

/** Messages that {@link Inspection.peek} gives when it is not told how many. */
export const DEFAULT_PEEK = 100;
