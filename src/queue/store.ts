/** A message as a producer gives it. */
export interface NewMessage {
  readonly queue: string;
  readonly body: Uint8Array;
  /** Higher goes first. */
  readonly priority: number;
  /** Not before this; ms from now. */
  readonly delayMs?: number;
  /** Not after this; ms from now. */
  readonly ttlMs?: number;
  readonly headers?: Headers;
  /** Who sent it, under which sequence number: kept with it, so that a repeat is recognised. */
  readonly producer?: { readonly process: string; readonly seq: number };
}

export type Headers = readonly (readonly [name: string, value: string])[];

/** A message in a consumer's hands. */
export interface Reserved {
  /** Unique for the life of the store, and over the restarts of one in memory. */
  readonly id: number;
  readonly queue: string;
  readonly body: Uint8Array;
  readonly headers: Headers;
  /** 1 for the first delivery. */
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly enqueuedAt: number;
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
  /** The consumer ended, or kept silent for too long: ready again at once, an attempt is spent. */
  | { readonly kind: 'lost' }
  /** Given back: ready again at its old place, no attempt spent. */
  | { readonly kind: 'release' }
  /** Never to be delivered again. */
  | { readonly kind: 'dead' };

export const STATES = ['ready', 'delayed', 'reserved', 'dead'] as const;
export type State = (typeof STATES)[number];

export interface QueueCounts extends Readonly<Record<State, number>> {
  readonly queue: string;
  /** Nothing is delivered from it until it is resumed. */
  readonly paused: boolean;
}

/** A message as one looks at it. */
export interface Stored extends Reserved {
  readonly state: State;
  readonly priority: number;
  /** Of the whole body, of which `body` may be the beginning. */
  readonly bytes: number;
  /** When a delayed one gets ready, ms since the epoch. */
  readonly dueAt?: number;
}

export interface Selection {
  readonly state?: State | undefined;
  readonly id?: number | undefined;
  /** Default: all. */
  readonly limit?: number | undefined;
  /** Bytes of a body that are wanted; default: all. */
  readonly maxBody?: number | undefined;
  /** Bytes of bodies after which no more messages are wanted; default: no bound. */
  readonly maxBytes?: number | undefined;
}

/** Looking at what waits, and changing it by hand. */
export interface Inspection {
  counts(): Promise<QueueCounts[]>;
  /** Without taking them: by state, then in the order of delivery; `limit` is 100 unless told. */
  peek(queue: string, selection?: Selection): Promise<Stored[]>;
  /** Removes messages for ever, but not those that a consumer holds; first ones first. @returns how many */
  purge(queue: string, selection?: Selection): Promise<number>;
  /** Makes dead ones ready, with all their attempts before them; they expire no more. @returns how many */
  kick(queue: string, selection?: Pick<Selection, 'id' | 'limit'>): Promise<number>;
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
  /** The same when it is opened again; no other store has it: ids mean something together with it only. */
  readonly identity: string;
  /**
   * Stores all of them or none; durable, by the store's policy, when it resolves.
   * @throws StoreFull nothing was stored; StoreError it could not be written
   */
  publish(batch: readonly NewMessage[]): Promise<number[]>;
  /** The last sequence number stored from a process; undefined: none is known. */
  lastSeq(process: string): Promise<number | undefined>;
  /** The next message of these queues: highest priority first, then the oldest. */
  reserve(queues: readonly string[], consumer: string): Promise<Reserved | undefined>;
  settle(id: number, outcome: Outcome): Promise<'settled' | 'unknown'>;
  /** What an earlier broker had given out when it ended. */
  reservations(): Promise<Reservation[]>;
  /** When the next delayed message is due, ms since the epoch by `steadyMs()`. */
  nextDue(): Promise<number | undefined>;
  close(): Promise<void>;
}

export interface StorePolicy {
  /** Messages that it may hold. */
  readonly maxMessages: number;
  /** Bytes of their bodies and headers. */
  readonly maxBytes: number;
  /** Deliveries of one message before it counts as dead. */
  readonly maxAttempts: number;
  /** Pause after the first failed attempt, doubled after each further one; ms. */
  readonly backoffMs: number;
}

export const DEFAULT_POLICY: StorePolicy = {
  maxMessages: 10_000_000,
  maxBytes: 1 << 30,
  maxAttempts: 5,
  backoffMs: 1000,
};

/** No pause before another attempt is longer; ms. */
const MAX_BACKOFF_MS = 3_600_000;

/** Pause before the next attempt when `spent` have failed; ms. */
export function backoff({ backoffMs }: StorePolicy, spent: number): number {
  return Math.min(backoffMs * 2 ** (spent - 1), MAX_BACKOFF_MS);
}

/** Bytes that a message counts with. */
export function sizeOf({ body, headers = [] }: Pick<NewMessage, 'body' | 'headers'>): number {
  return body.length + (headers.length > 0 ? Buffer.byteLength(JSON.stringify(headers)) : 0);
}

/** Messages that {@link Inspection.peek} gives when it is not told how many. */
export const DEFAULT_PEEK = 100;
