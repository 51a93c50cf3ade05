import type { BusUse } from './bus-watch.ts';
import type { LiveBits, LiveConsumer, LiveQueue } from './live.ts';
import type { Running } from './processes.ts';

/** A consumer, and what its process is. */
export type ShownConsumer = LiveConsumer & Running;

/** All that is shown. */
export interface Snapshot {
  /** Of the broker; undefined: none is running. */
  readonly pid: number | undefined;
  readonly dir: string;
  /** Since when the broker runs; ms. */
  readonly upMs: number;
  readonly isDraining: boolean;
  readonly queues: readonly LiveQueue[];
  readonly consumers: readonly ShownConsumer[];
  /** Undefined: the broker serves only plain peers. */
  readonly bits: LiveBits | undefined;
  readonly bus: BusUse;
  /** Why nothing new is known. */
  readonly trouble: string | undefined;
}

/** Of all queues together. */
export interface Sums {
  readonly ready: number;
  readonly delayed: number;
  readonly reserved: number;
  readonly dead: number;
  readonly accepted: number | undefined;
  readonly done: number | undefined;
  readonly failed: number | undefined;
  /** Messages done per second, the last one last. */
  readonly history: readonly number[];
}

export function sumsOf(queues: readonly LiveQueue[]): Sums {
  const sum = (of: (queue: LiveQueue) => number) =>
    queues.reduce((total, queue) => total + of(queue), 0);
  const isKnown = queues.some(({ rates }) => rates.done !== undefined);
  const rate = (kind: keyof LiveQueue['rates']) =>
    isKnown ? sum(({ rates }) => rates[kind] ?? 0) : undefined;
  const length = Math.max(0, ...queues.map(({ history }) => history.length));
  // The newest values of all are of the same time.
  const history = Array.from({ length }, (_, n) =>
    sum((queue) => queue.history[queue.history.length - length + n] ?? 0),
  );
  return {
    ready: sum(({ ready }) => ready),
    delayed: sum(({ delayed }) => delayed),
    reserved: sum(({ reserved }) => reserved),
    dead: sum(({ dead }) => dead),
    ...{ accepted: rate('accepted'), done: rate('done'), failed: rate('failed'), history },
  };
}

/** Who has the bus, for people. */
export function holderText({ pid, consumers }: Snapshot, holder: number): string {
  if (holder === pid) return `the broker (${holder})`;
  const consumer = consumers.some((one) => one.pid === holder);
  return consumer ? `consumer ${holder}` : `process ${holder}`;
}
