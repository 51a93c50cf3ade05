/** What a broker says about itself: on the wire, in `sigmq status --json`, and to users of the library. */

import type { HistogramCounts } from './histogram.ts';
import type { Asked } from './queue/asks.ts';
import type { EngineStatus } from './queue/engine-status.ts';
import type { QueueCounts } from './queue/inspection.ts';

/** What is counted for each queue since the broker started. */
export interface Counts {
  /** Messages that were stored. */
  readonly accepted: number;
  /** Deliveries that began, repeats included. */
  readonly delivered: number;
  /** Deliveries that were not the message's first. */
  readonly retried: number;
  /** How deliveries ended. */
  readonly done: number;
  readonly failed: number;
  readonly released: number;
  /** The consumer ended, or its ack-wait expired. */
  readonly lost: number;
  /** Messages that nobody took in time, whether kept as dead ones or not. */
  readonly expired: number;
  /** Messages that became dead. */
  readonly dead: number;
  /** Dead messages that were removed because they were too old, or too many. */
  readonly dropped: number;
}

/** Everything that a broker has counted since it started. */
export interface Totals extends Counts {
  /** ISO 8601, UTC. */
  readonly since: string;
  /** Messages that were refused, by the names in docs/protocol.md, section 4. */
  readonly refused: Readonly<Record<string, number>>;
  /** Consumers that ended while they were registered. */
  readonly lostConsumers: number;
  /** Replies to those who asked: that they got, and that they no longer waited for. */
  readonly replies: { readonly sent: number; readonly dropped: number };
  /** Frames that the broker sent again, because they arrived damaged or nobody knows whether they arrived. */
  readonly resends: number;
  /** Frames of messages that came again, and were not taken twice. */
  readonly repeats: number;
}

/** What a broker has counted of its signals since it started. */
export interface LinkCounts {
  /** Bits that arrived at other processes of sigmq. */
  readonly bitsSent: number;
  /** Bits from other processes of sigmq. */
  readonly bitsReceived: number;
  /** Signals from all other processes: of plain peers, of `kill` by hand, and those that came without a sender. */
  readonly foreignSignals: number;
  /** How long the broker waited for the bus, each time that it wanted to transmit. */
  readonly busWaits: HistogramCounts;
}

/** What a draining broker waits for, and what it does not. */
export interface DrainState {
  /** Messages that have to go before it stops, by state. */
  readonly ready: number;
  readonly delayed: number;
  readonly reserved: number;
  /** When the last delayed message becomes ready, ISO 8601; null: none is delayed. */
  readonly delayedUntil: string | null;
  /** PIDs of consumers that hold messages. */
  readonly heldBy: readonly number[];
  /** Paused queues with messages that are ready or delayed, and how many messages these are. */
  readonly pausedQueues: readonly string[];
  readonly inPausedQueues: number;
  /** Whether it waits for those, too; otherwise they stay in the store. */
  readonly waitsForPaused: boolean;
  readonly dead: number;
  /** Whether what stays is there for the next broker; otherwise it is lost. */
  readonly keepsMessages: boolean;
}

/** What a broker says about itself: what it is, what it has counted, and who takes messages. */
export interface BrokerStatus extends Totals {
  readonly pid: number;
  readonly version: string;
  readonly dir: string;
  readonly store: string;
  /** Null: the store is a file, or memory. */
  readonly engine: EngineStatus | null;
  readonly uptimeMs: number;
  /** It accepts no new messages and stops when it is empty. */
  readonly draining: boolean;
  /** What it is waiting for while draining. */
  readonly drain: DrainState | null;
  /** Why it serves only plain peers. */
  readonly plainBecause: string | null;
  /** How long a message waits for one more of priority; null: for ever; ms. */
  readonly agingMs: number | null;
  /** What was counted for queues for which there was no room; null: there was room for all. */
  readonly others: Counts | null;
  /** Null: the broker serves only plain peers. */
  readonly link: LinkCounts | null;
  readonly consumers: readonly {
    readonly pid: number;
    readonly kind: 'echo' | 'plain';
    readonly queues: readonly string[];
    /** Of its queues, in their order; absent: the message that is first in any of them comes first. */
    readonly weights?: readonly number[];
    readonly jobs: number;
    readonly holding: number;
  }[];
}

/** What a broker says of a message that was asked. */
export interface AskedStatus {
  /** `answered`: its reply is on its way; `missing`: it is not there, and nor is a reply. */
  readonly state: Asked | 'missing';
  /** How many consumers take from its queue. */
  readonly consumers: number;
}

/** What a broker says about a queue. */
export interface QueueStatus extends QueueCounts {
  /** How long the message that has been ready longest has been ready; null: none is. */
  readonly oldestReadyMs: number | null;
  /** Since the start of the broker; null: nothing was counted. */
  readonly counted: Counts | null;
}

/** The numbers of a queue, for a monitoring system. */
export interface QueueMetrics {
  readonly queue: string;
  /** What is in it; null: its store cannot be reached. */
  readonly now: Omit<QueueStatus, 'queue' | 'counted'> | null;
  /** Since the start of the broker; null: nothing was counted. */
  readonly counted: Counts | null;
  /** How long messages took from being accepted to being done, delays included; null: none was done. */
  readonly latency: HistogramCounts | null;
}

/** All the numbers of a broker. */
export interface Metrics extends BrokerStatus {
  readonly queues: readonly QueueMetrics[];
}

/** Everything that a broker says about itself and its queues. */
export interface Status extends BrokerStatus {
  readonly queues: readonly QueueStatus[];
}
