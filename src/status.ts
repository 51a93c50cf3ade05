/** What a broker tells of itself: on the wire, in `sigmq status --json`, and to users of the library. */
import type { QueueCounts } from './queue/store.ts';

/** What is counted of each queue since the broker started. */
export interface Counts {
  /** Messages that were stored. */
  readonly accepted: number;
  /** Deliveries that began, repeats included. */
  readonly delivered: number;
  /** Deliveries that are not the message's first. */
  readonly retried: number;
  /** How deliveries ended. */
  readonly done: number;
  readonly failed: number;
  readonly released: number;
  /** The consumer ended, or its ack-wait was over. */
  readonly lost: number;
  /** Messages that nobody took in time, kept as dead ones or not. */
  readonly expired: number;
  /** Messages that became dead. */
  readonly dead: number;
}

/** All that a broker has counted since it started. */
export interface Totals extends Counts {
  /** ISO 8601, UTC. */
  readonly since: string;
  /** Messages that were refused, by the names of docs/protocol.md, section 4. */
  readonly refused: Readonly<Record<string, number>>;
  /** Consumers that ended while they were registered. */
  readonly lostConsumers: number;
}

/** What a broker that drains waits for, and what it does not. */
export interface DrainState {
  /** Messages that have to go before it stops, by state. */
  readonly ready: number;
  readonly delayed: number;
  readonly reserved: number;
  /** When the last delayed one gets ready, ISO 8601; null: none is delayed. */
  readonly delayedUntil: string | null;
  /** PIDs of consumers that hold messages. */
  readonly heldBy: readonly number[];
  /** Paused queues with messages that are ready or delayed, and how many these are. */
  readonly pausedQueues: readonly string[];
  readonly inPausedQueues: number;
  /** Whether it waits for those, too; else they stay in the store. */
  readonly waitsForPaused: boolean;
  readonly dead: number;
  /** Whether what stays is there for the next broker; else it is lost. */
  readonly keepsMessages: boolean;
}

/** What a broker says of itself: what it is, what it has counted, and who takes messages. */
export interface BrokerStatus extends Totals {
  readonly pid: number;
  readonly version: string;
  readonly dir: string;
  readonly store: string;
  readonly uptimeMs: number;
  /** It takes no new messages and stops when it is empty. */
  readonly draining: boolean;
  /** What it waits for then. */
  readonly drain: DrainState | null;
  /** Why it serves plain peers only. */
  readonly plainBecause: string | null;
  /** What was counted of queues for which there was no room; null: there was. */
  readonly others: Counts | null;
  readonly consumers: readonly {
    readonly pid: number;
    readonly kind: 'echo' | 'plain';
    readonly queues: readonly string[];
    readonly jobs: number;
    readonly holding: number;
  }[];
}

/** What a broker says of a queue. */
export interface QueueStatus extends QueueCounts {
  /** For how long the one that has been ready longest is ready; null: none is. */
  readonly oldestReadyMs: number | null;
  /** Since the broker's start; null: nothing was. */
  readonly counted: Counts | null;
}

/** All that a broker says of itself and of its queues. */
export interface Status extends BrokerStatus {
  readonly queues: readonly QueueStatus[];
}
