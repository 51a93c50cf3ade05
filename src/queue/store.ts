import { Exit, SigmqError } from '../errors.ts';

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
  readonly headers?: readonly (readonly [string, string])[];
  /** Who sent it, under which sequence number: kept with it, so that a repeat is recognised. */
  readonly producer?: { readonly process: string; readonly seq: number };
}

/** A message in a consumer's hands. */
export interface Reserved {
  /** Unique for the life of the store, and over the restarts of one in memory. */
  readonly id: number;
  readonly queue: string;
  readonly body: Uint8Array;
  readonly headers: readonly (readonly [string, string])[];
  /** 1 for the first delivery. */
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly enqueuedAt: number;
}

/** A message that somebody holds. */
export interface Reservation {
  readonly id: number;
  readonly consumer: string;
}

/** How a delivery ended. */
export type Outcome =
  /** Handled: the message is gone. */
  | { readonly kind: 'done' }
  /** Not handled: an attempt is spent. */
  | { readonly kind: 'failed' }
  /** The consumer ended, or kept silent for too long: ready again at once, an attempt is spent. */
  | { readonly kind: 'lost' }
  /** Given back: ready again at its old place, no attempt spent. */
  | { readonly kind: 'release' }
  /** Never to be delivered again. */
  | { readonly kind: 'dead' };

export interface QueueCounts {
  readonly queue: string;
  readonly ready: number;
  readonly delayed: number;
  readonly reserved: number;
  readonly dead: number;
}

/**
 * Where messages wait. Nobody outside this folder knows which implementation it is; one that lives on
 * another machine is to fit, too, hence the promises.
 */
export interface Store {
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
  /** When the next delayed message is due, ms since the epoch. */
  nextDue(): Promise<number | undefined>;
  counts(): Promise<QueueCounts[]>;
  close(): Promise<void>;
}

/** The store holds as many messages or bytes as it may. */
export class StoreFull extends SigmqError {
  constructor(sentence: string) {
    super('store-full', Exit.TryAgain, sentence, 'Start more consumers, or raise the limit.');
  }
}
