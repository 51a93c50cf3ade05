/**
 * What a broker tells somebody who watches it: on the wire as short as it can be, since each byte takes eight signals
 * (docs/protocol.md, section 8, *Changes*).
 */

/** What is in a queue, and what was counted of it since the broker started. */
export interface WatchedQueue {
  readonly queue: string;
  readonly paused: boolean;
  readonly ready: number;
  readonly delayed: number;
  readonly reserved: number;
  readonly dead: number;
  readonly accepted: number;
  readonly delivered: number;
  readonly done: number;
  /** Deliveries that failed, were given back, or were lost. */
  readonly failed: number;
}

/** A consumer, and the message that it has had for longest. */
export interface WatchedConsumer {
  readonly pid: number;
  readonly kind: 'echo' | 'plain';
  readonly jobs: number;
  readonly queues: readonly string[];
  /** How many messages it holds. */
  readonly holding: number;
  /** Id of the first of them; 0: it holds none, like what follows. */
  readonly id: number;
  readonly queue: string;
  /** When it was given to it, by {@link Changes.now}; ms. */
  readonly since: number;
}

/** What has changed since some time. */
export interface Changes {
  /** For the next question; means something only to the broker. */
  readonly since: number;
  /** By the broker's clock, which starts with it; ms. */
  readonly now: number;
  /** What was known before counts for nothing. */
  readonly all: boolean;
  /** There is more: ask again. */
  readonly more: boolean;
  readonly draining: boolean;
  /** To and from processes of sigmq, ever; null: the broker serves only plain peers. */
  readonly bits: number | null;
  readonly queues: readonly WatchedQueue[];
  readonly consumers: readonly WatchedConsumer[];
  /** These are there no more. */
  readonly goneQueues: readonly string[];
  readonly gonePids: readonly number[];
}

export type Row = readonly (string | number)[];

export const rowOfQueue = (one: WatchedQueue): Row => [
  ...[one.queue, +one.paused, one.ready, one.delayed, one.reserved, one.dead],
  ...[one.accepted, one.delivered, one.done, one.failed],
];

export const rowOfConsumer = (one: WatchedConsumer): Row => [
  ...[one.pid, +(one.kind === 'plain'), one.jobs, one.queues.join()],
  ...[one.holding, one.id, one.queue, one.since],
];

/** As a broker sends it; what is absent is empty, false or null. */
export interface ChangesNote {
  readonly since: number;
  readonly now: number;
  readonly all?: true;
  readonly more?: true;
  readonly draining?: true;
  readonly bits?: number;
  readonly queues?: readonly Row[];
  readonly consumers?: readonly Row[];
  readonly gone?: readonly (string | number)[];
}

/** What a newer broker adds to a row is ignored. */
export function changesOf(note: ChangesNote): Changes {
  const { since, now, all, more, draining, bits, queues = [], consumers = [], gone = [] } = note;
  return {
    ...{ since, now, all: all === true, more: more === true, draining: draining === true },
    bits: bits ?? null,
    queues: queues.map(queueOf),
    consumers: consumers.map(consumerOf),
    goneQueues: gone.filter((key) => typeof key === 'string'),
    gonePids: gone.filter((key) => typeof key === 'number'),
  };
}

function queueOf(row: Row): WatchedQueue {
  const [queue, paused, ...numbers] = row;
  const [ready = 0, delayed = 0, reserved = 0, dead = 0, ...counted] = numbers.map(Number);
  const [accepted = 0, delivered = 0, done = 0, failed = 0] = counted;
  return {
    ...{ queue: String(queue), paused: paused === 1, ready, delayed, reserved, dead },
    ...{ accepted, delivered, done, failed },
  };
}

function consumerOf(row: Row): WatchedConsumer {
  const [pid, plain, jobs, queues, holding, id, queue, since] = row;
  return {
    ...{ pid: Number(pid), kind: plain === 1 ? 'plain' : 'echo', jobs: Number(jobs) },
    ...{ queues: String(queues).split(','), holding: Number(holding), id: Number(id) },
    ...{ queue: String(queue), since: Number(since) },
  };
}
