import type { Replied } from './asks.ts';

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

/** Bytes that a message counts for. */
export function sizeOf({ body, headers = [] }: Pick<NewMessage, 'body' | 'headers'>): number {
  return body.length + (headers.length > 0 ? Buffer.byteLength(JSON.stringify(headers)) : 0);
}
