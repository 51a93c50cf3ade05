import type { Asks, Replied } from './asks.ts';
import type { EngineStatus } from './engine-status.ts';
import type { StoreError } from './errors.ts';
import type { Failure } from './failure.ts';
import type { QueueChange, QueueSettings } from './queue-settings.ts';

/** A message as a producer gives it. */
export interface NewMessage {
  readonly queue: string;
  readonly body: Uint8Array;
  /** Higher is delivered first. */
  readonly priority: number;
  /** Not delivered before this; ms from now. */
  readonly delayMs?: number;
  /** Discarded if no consumer takes it in this time; ms from now. */
  readonly ttlMs?: number;
  readonly headers?: Headers;
  /** Not stored while another message of the queue with this key is ready, delayed or reserved. */
  readonly key?: string;
  /** How long after it is done that still holds; default: no longer; ms. */
  readonly keyTtlMs?: number;
  /** Attempts before it is dead; default: as its queue, or the broker, has it. */
  readonly maxAttempts?: number;
  /** Pause after its first failed attempt; default: as its queue, or the broker, has it; ms. */
  readonly backoffMs?: number;
  /** The queue to which it goes when it is dead; default: as its queue has it. */
  readonly deadTo?: string;
  /** Who waits for what becomes of it; see {@link Asks}. */
  readonly asker?: string;
  /** Which process sent it, and under which number: kept with it, so that a repeat is recognised. */
  readonly producer?: { readonly process: string; readonly number: number };
}

export type Headers = readonly (readonly [name: string, value: string])[];

/** What became of a message that was published. */
export interface Published {
  /** Of the message, or of the one that stands for its key; null: that one is done, and its id not known. */
  readonly id: number | null;
  /** It was not stored, because of its key. */
  readonly isDuplicate: boolean;
}

/** A message that a broker has. */
export interface QueuedMessage {
  /** Unique for the life of the store. */
  readonly id: number;
  readonly queue: string;
  readonly body: Uint8Array;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** 1 for the first; grows with each failure, and never starts again. */
  readonly attempt: number;
  /** How often it was given back. */
  readonly releases: number;
  /** 1 for the first time it is handed out. */
  readonly delivery: number;
  /** Milliseconds since the epoch. */
  readonly enqueuedAt: number;
}

/** A message in a consumer's hands. */
export interface Reserved extends QueuedMessage, DeliveryName {
  /** As given with the {@link NewMessage}. */
  readonly asker?: string;
}

/** Names a delivery of a message; no other delivery of any store has the same name. */
export interface DeliveryName {
  /** The one in which it was handed out; see {@link Store.incarnation}. */
  readonly incarnation: number;
  /** 1 for the first time the message is handed out. */
  readonly delivery: number;
}

/** A message that a consumer holds. */
export interface Reservation extends Reserved {
  /** As given to {@link Store.reserve}. */
  readonly consumer: string;
}

/** How a delivery ended; `reason`: why, for people. */
export type Outcome =
  /** Handled: the message is gone. */
  | { readonly kind: 'done' }
  /** Not handled: an attempt is spent, and it is delivered again after a pause. */
  | { readonly kind: 'failed'; readonly reason?: string }
  /** The consumer ended, or took too long: ready again at its old place, an attempt is spent. */
  | { readonly kind: 'lost'; readonly reason?: string }
  /** The consumer wants it later: it is delivered again after a pause, no attempt is spent. */
  | { readonly kind: 'release'; readonly reason?: string }
  /** The consumer took it and is ending: ready again at its old place, no attempt is spent. */
  | { readonly kind: 'return' }
  /** No consumer received it: everything is as before. */
  | { readonly kind: 'untaken' }
  /** Never to be delivered again. */
  | { readonly kind: 'dead'; readonly reason?: string };

/** Of a message that a consumer holds. */
export interface Settlement {
  readonly id: number;
  readonly outcome: Outcome;
  /** Stored with it, if somebody waits for what becomes of the message. */
  readonly replied?: Replied | undefined;
}

export type MessageState = 'ready' | 'delayed' | 'reserved' | 'dead';
export const STATES: readonly MessageState[] = ['ready', 'delayed', 'reserved', 'dead'];

/**
 * What became of a message that was settled.
 * `unknown`: it is not reserved, or another broker has given it to others. `unmade`: it is as before, because one of
 * those that were to be settled with it is unknown.
 */
export type Settled = Exclude<MessageState, 'reserved'> | 'gone' | 'unknown' | 'unmade';

/** What a store tells that others use as well. */
export type StoreNews =
  /** Others have changed something: messages may be ready, or fall due. */
  | { readonly kind: 'news' }
  /** It cannot be reached; it comes back by itself. */
  | { readonly kind: 'away'; readonly error: StoreError }
  /** It can be reached again. What is known of its content may be wrong. */
  | { readonly kind: 'back' };

export type StoreListener = (news: StoreNews) => void;

export interface QueueCounts extends Readonly<Record<MessageState, number>> {
  readonly queue: string;
  /** Nothing is delivered from it until it is resumed. */
  readonly paused: boolean;
  /** What holds for it alone; absent: nothing. */
  readonly settings?: QueueSettings;
}

/** A message as shown by an inspection. */
export interface Stored extends QueuedMessage {
  readonly state: MessageState;
  readonly priority: number;
  readonly key?: string;
  /** Size of the whole body, of which `body` may be a part. */
  readonly bytes: number;
  /** When a delayed message becomes ready, ms since the epoch. */
  readonly dueAt?: number;
  /** Since when a dead one is dead, ms since the epoch. */
  readonly diedAt?: number;
  /** What it says itself of its attempts; absent: nothing. */
  readonly maxAttempts?: number;
  readonly backoffMs?: number;
  readonly deadTo?: string;
  /** Its last failures, in their order; absent: there is none, or they were not asked for (see {@link ById.find}). */
  readonly failures?: readonly Failure[];
  /** The last one, in a list; its reason may be cut. */
  readonly lastFailure?: Failure;
}

/** Characters of a reason that lists show. */
export const LISTED_REASON = 200;

export interface Selection {
  readonly state?: MessageState | undefined;
  readonly ids?: readonly number[] | undefined;
  /** Default: all. */
  readonly limit?: number | undefined;
  /** For {@link Inspection.peek}: how many messages of each state to leave out at its start; default: none. */
  readonly skip?: number | undefined;
  /** How many bytes of a body to leave out at its start; default: none. */
  readonly fromByte?: number | undefined;
  /** How many bytes of a body to return; default: all. */
  readonly maxBody?: number | undefined;
}

/** A part of a body. */
export type BodyPart = Pick<Selection, 'fromByte' | 'maxBody'>;

/** What is to be different about messages that are waiting; what is left out stays as it is. */
export interface Edit {
  readonly queue?: string | undefined;
  /** Higher is delivered first. */
  readonly priority?: number | undefined;
  /** Not delivered before this; ms from now. 0: as soon as its turn comes. */
  readonly delayMs?: number | undefined;
}

/**
 * What became of a message that was to be removed or changed.
 * `held`: not while a consumer has it. `dead`: it is not waiting. `expires`: it would expire before it is due.
 * `duplicate`: its new queue has a message with its key. `missing`: there is none with this id.
 */
export type Changed = 'done' | 'held' | 'dead' | 'expires' | 'duplicate' | 'missing';

/** Messages by their ids, whatever queue they are in. */
export interface ById {
  /** With its failures. @returns undefined: there is none with this id */
  find(id: number, part?: BodyPart): Promise<Stored | undefined>;
  /** Removes messages for good, but not those that a consumer holds. @returns what became of each, in their order */
  remove(ids: readonly number[]): Promise<Changed[]>;
  /**
   * Changes messages that are ready or delayed. One that is ready after all is last, as after any delay; otherwise its
   * place is that of its age, in another queue too.
   * @returns what became of each, in their order
   */
  edit(ids: readonly number[], edit: Edit): Promise<Changed[]>;
}

/** Inspecting what is waiting, and changing it by hand. */
export interface Inspection extends ById {
  counts(): Promise<QueueCounts[]>;
  /** Shows messages without taking them: by state, then in the order of delivery; `limit` defaults to 100. */
  peek(queue: string, selection?: Selection): Promise<Stored[]>;
  /** Removes messages for good, first ones first, but not those that a consumer holds. @returns how many */
  purge(queue: string, selection?: Selection): Promise<number>;
  /**
   * Makes dead messages ready, behind those that are waiting, with all their attempts restored; they no longer
   * expire, and lose their key if another message has it by now.
   * @returns how many
   */
  kick(queue: string, selection?: Kicked): Promise<number>;
  /** Stops deliveries from a queue, and from its groups, or lets them continue; the queue still accepts messages. */
  pause(queue: string, paused: boolean): Promise<void>;
  /**
   * Removes a group of a queue for good, and all of its messages: also what its consumers hold, of which nobody
   * will learn how it ended.
   * @param name of the group, with its queue: `mail@audit`
   * @returns how many messages
   * @throws SigmqError no-group
   */
  removeGroup(name: string): Promise<number>;
  /** What holds for this queue alone. */
  settings(queue: string): Promise<QueueSettings>;
  /** Changes that. @returns what holds now @throws OptionError its dead messages would come back to it */
  set(queue: string, change: QueueChange): Promise<QueueSettings>;
}

/** Dead messages that are to be ready again. */
export interface Kicked extends Pick<Selection, 'ids' | 'limit'> {
  /** In this queue; default: in their own. */
  readonly to?: string | undefined;
}

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

/** Bytes that a message counts for. */
export function sizeOf({ body, headers = [] }: Pick<NewMessage, 'body' | 'headers'>): number {
  return body.length + (headers.length > 0 ? Buffer.byteLength(JSON.stringify(headers)) : 0);
}

/** How many messages {@link Inspection.peek} returns by default. */
export const DEFAULT_PEEK_LIMIT = 100;
