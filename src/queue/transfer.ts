import type { Failure } from './failure.ts';
import type { Headers, MessageState } from './message.ts';
import type { QueueSettings } from './queue-settings.ts';

/** Everything about a message but its id, which another store gives anew. */
export interface Transferred {
  readonly queue: string;
  readonly state: MessageState;
  readonly priority: number;
  /** See {@link Positions}. */
  readonly position: number;
  readonly body: Uint8Array;
  readonly headers: Headers;
  readonly attempts: number;
  readonly spent: number;
  readonly releases: number;
  readonly deliveries: number;
  /** Times in ms since the epoch; null: none. */
  readonly enqueuedAt: number;
  readonly dueAt: number | null;
  readonly expiresAt: number | null;
  /** null: none. Where it is taken already, it is left out. */
  readonly key: string | null;
  /** How long the key is kept after the message is done; null: it is not; ms. */
  readonly keyTtlMs: number | null;
  /** What it says itself of its attempts; null: nothing. */
  readonly maxAttempts: number | null;
  readonly backoffMs: number | null;
  readonly deadTo: string | null;
  /** Since when a dead one is dead. */
  readonly diedAt: number | null;
  readonly failures: readonly Failure[];
  /** Who waits for what becomes of it; null: nobody. */
  readonly asker: string | null;
}

/** What is alike in the rows of all stores. */
export interface TransferRow
  extends Pick<
    Transferred,
    'queue' | 'state' | 'priority' | 'position' | 'attempts' | 'spent' | 'releases' | 'deliveries'
  > {
  readonly id: number;
  readonly enqueued_at: number;
  readonly due_at: number | null;
  readonly expires_at: number | null;
  readonly key_ttl: number | null;
  readonly max_attempts: number | null;
  readonly backoff: number | null;
  readonly died_at: number | null;
}

export function transferredOf(
  row: TransferRow,
  content: Pick<Transferred, 'body' | 'headers' | 'key' | 'deadTo' | 'failures' | 'asker'>,
): Transferred {
  const { queue, state, priority, position, attempts, spent, releases, deliveries } = row;
  return {
    ...{ queue, state, priority, position, attempts, spent, releases, deliveries, ...content },
    ...{ enqueuedAt: row.enqueued_at, dueAt: row.due_at, expiresAt: row.expires_at },
    keyTtlMs: row.key_ttl,
    ...{ maxAttempts: row.max_attempts, backoffMs: row.backoff, diedAt: row.died_at },
  };
}

/** The number of the last message of a process. */
export interface LastNumber {
  readonly process: string;
  readonly number: number;
}

/** A key that is kept though its message is done. */
export interface KeptKey {
  readonly queue: string;
  readonly key: string;
  /** Ms since the epoch. */
  readonly until: number;
}

/** What holds for a queue. */
export interface SetQueue {
  readonly queue: string;
  readonly settings: QueueSettings;
}

/** What a store contains, as of one moment. */
export interface Content {
  /** For people: where it comes from. */
  readonly name: string;
  readonly paused: readonly string[];
  readonly producers: readonly LastNumber[];
  readonly keys: readonly KeptKey[];
  readonly queues: readonly SetQueue[];
  /** Groups of queues, the oldest first. */
  readonly groups: readonly string[];
  /** In the order of their ids. */
  messages(): AsyncIterable<readonly Transferred[]>;
}

/** Takes the content of another store: all of it when `end` is called, nothing otherwise. */
export interface Target {
  pause(queues: readonly string[]): Promise<void>;
  remember(producers: readonly LastNumber[]): Promise<void>;
  keep(keys: readonly KeptKey[]): Promise<void>;
  /** What a queue is set to already stays, and what would make dead messages go round in circles is left out. */
  set(queues: readonly SetQueue[]): Promise<void>;
  addGroups(names: readonly string[]): Promise<void>;
  add(messages: readonly Transferred[]): Promise<void>;
  end(): Promise<void>;
  /** Also after `end`. */
  close(): Promise<void>;
}
