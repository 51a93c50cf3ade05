import type { Asks } from './asks.ts';
import type { EngineStatus } from './engine-status.ts';
import type { StoreError } from './errors.ts';
import type { Inspection } from './inspection.ts';
import type {
  DeliveryName,
  NewMessage,
  Published,
  Reservation,
  Reserved,
  Settled,
  Settlement,
} from './message.ts';

/** What a store tells that others use as well. */
export type StoreNews =
  /** Others have changed something: messages may be ready, or fall due. */
  | { readonly kind: 'news' }
  /** It cannot be reached; it comes back by itself. */
  | { readonly kind: 'away'; readonly error: StoreError }
  /** It can be reached again. What is known of its content may be wrong. */
  | { readonly kind: 'back' };

export type StoreListener = (news: StoreNews) => void;

/** Dead messages of a queue that were removed for good: they were too old, or there were too many. */
export interface Dropped {
  readonly queue: string;
  readonly why: 'age' | 'limit';
  readonly messages: number;
}

/**
 * Where messages wait. Nobody outside this folder knows which implementation it is; one that lives on another
 * machine should fit too, hence the promises. Every method may reject with a StoreError.
 */
export interface Store extends Inspection, Asks {
  /** For people: where the messages are. */
  readonly name: string;
  /** Stays the same when the store is opened again; no other store has it. */
  readonly identity: string;
  /** Path of the store's file, for those who copy it; undefined: it is not a file. */
  readonly path?: string | undefined;
  /** The same for a store on a server; without a password. */
  readonly url?: string | undefined;
  /** For people: something is not as it should be, though it works. */
  readonly warning?: string | undefined;
  /**
   * A number drawn when the store was opened, 1 to 2^40. A delivery is named by the incarnation in which it was
   * made, the message's id and its number: a store that was restored or exchanged may reuse ids, but never names.
   */
  readonly incarnation: number;
  /** From now on, a store that is not this process's alone says what happens to it. */
  subscribe?(listener: StoreListener): void;
  /**
   * Stores all of them, or none, but for those whose key stands for another message; durable, by the store's policy, when it resolves.
   * @throws StoreFull nothing was stored; StoreUnknown nobody knows whether they were stored; StoreError they were not
   */
  publish(batch: readonly NewMessage[]): Promise<Published[]>;
  /**
   * From now on, each of these groups gets every message that is published to its queue; those that are there already
   * stay as they are. Durable, by the store's policy, when it resolves.
   * @param names each with its queue: `mail@audit`
   * @throws StoreFull a queue would have too many groups: none is added
   */
  addGroups(names: readonly string[]): Promise<void>;
  /** The groups of all queues; those of one queue: the oldest first. */
  groups(): Promise<readonly string[]>;
  /** The number of the last message stored from a process; undefined: none is known. */
  lastNumber(process: string): Promise<number | undefined>;
  /** Whether {@link reserve} would return a message of these queues, as far as is known. */
  hasReady(queues: readonly string[]): Promise<boolean>;
  /**
   * The next messages of these queues: highest priority first, then the one that has been ready longest; if priorities
   * age, the one that is first by both together. The first is for the first of the consumers, and so on. What is in a
   * queue that has groups is given to those that ask for its oldest group. No more of a queue than its settings allow;
   * when they allow more, the next {@link sweep} says so.
   * @param maxBytes of them all; a larger one comes alone
   * @returns fewer than consumers when there are no more, or they would be too large together
   */
  reserve(
    queues: readonly string[],
    consumers: readonly string[],
    maxBytes?: number,
  ): Promise<Reserved[]>;
  /** Whether what was reserved is this process's for sure; undefined: always. */
  readonly holdsReserved?: boolean | undefined;
  /** All of them, or none if one is unknown. @returns what became of each */
  settle(settlements: readonly Settlement[]): Promise<Settled[]>;
  /**
   * A delivery that was considered lost is done after all. The message is gone if it is waiting and nobody has
   * received it since; a dead one stays.
   * @param reply for who asked, if somebody did
   * @returns the queue from which it has gone; undefined: it is not gone
   */
  settleLate(id: number, name: DeliveryName, reply?: Uint8Array): Promise<string | undefined>;
  /** What an earlier broker had handed out when it ended. */
  reservations(): Promise<Reservation[]>;
  /** When {@link sweep} has something to do or to report, ms since the epoch by `steadyMs()`; in the past: at once. */
  nextSweep(): Promise<number | undefined>;
  /**
   * Makes due messages ready and removes expired ones, and dead ones that are too old or too many.
   * @returns whether something became ready since the last call, here or in another operation
   */
  sweep(): Promise<boolean>;
  /** How many messages expired since the last call, by queue. */
  takeExpired(): ReadonlyMap<string, number>;
  /** Which dead messages {@link sweep} removed since the last call. */
  takeDropped(): readonly Dropped[];
  /** Since when the message that has been ready longest is ready, ms since the epoch; undefined: none is. */
  oldest(queue: string): Promise<number | undefined>;
  /** When the last delayed message falls due, ms since the epoch; undefined: none is delayed. */
  delayedUntil(): Promise<number | undefined>;
  /** Whether nothing is left to be delivered or settled. @param withPaused also in paused queues */
  isEmpty(withPaused: boolean): Promise<boolean>;
  /** For people: what is behind a store on another machine, and who else uses it. */
  engine?(): Promise<EngineStatus>;
  /** Others that use it are to know that this process accepts nothing more. */
  drains?(isDraining: boolean): Promise<void>;
  close(): Promise<void>;
}
