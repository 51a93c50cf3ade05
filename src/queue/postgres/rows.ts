import { failuresOf } from '../failure.ts';
import type { Stored } from '../inspection.ts';
import type { Headers, MessageState, QueuedMessage } from '../message.ts';
import type { Held } from '../settlement.ts';
import { allFailures, lastFailure, ownPolicy } from '../shown.ts';

export const COLUMNS = `id, queue, state, priority, headers, attempts, spent, releases, deliveries, enqueued_at, due_at, bytes,
  key, consumer, asker, max_attempts AS "maxAttempts", backoff AS "backoffMs", dead_to AS "deadTo"`;
/** For an inspection: the last failure, or all of them. */
export const LAST_FAILURE = 'died_at, failures -> -1 AS failure';
export const ALL_FAILURES = 'died_at, failures';

/** A row as selected by {@link COLUMNS}. */
export interface Row extends Held {
  readonly id: number;
  readonly queue: string;
  readonly state: MessageState;
  readonly priority: number;
  readonly headers: string | null;
  readonly enqueued_at: number;
  readonly due_at: number | null;
  readonly bytes: number;
  readonly key: string | null;
  readonly asker: string | null;
}

export type RowWithBody = Row & { readonly body: Uint8Array };

/** Its body may be a part of one that is `size` bytes long. */
export type SizedRow = RowWithBody & {
  readonly size: number;
  readonly died_at: number | null;
  readonly failure?: unknown;
  readonly failures?: unknown;
};

/** What is known of a message that this broker holds, without asking. */
export type HeldRow = Held & Pick<Row, 'headers'>;

export function heldOf(row: Row): HeldRow {
  const { queue, attempts, spent, releases, deliveries, consumer, headers } = row;
  const { maxAttempts, backoffMs, deadTo } = row;
  return {
    ...{ queue, attempts, spent, releases, deliveries, consumer, headers },
    ...{ maxAttempts, backoffMs, deadTo },
  };
}

/** @param toHost from the server's time to that of this host; ms */
export function queuedOf(
  row: RowWithBody,
  toHost: (at: number) => number,
): QueuedMessage & {
  readonly delivery: number;
} {
  return {
    ...{ id: row.id, queue: row.queue, body: row.body, headers: headersOf(row.headers) },
    ...{ attempt: row.attempts + 1, releases: row.releases, delivery: row.deliveries + 1 },
    enqueuedAt: toHost(row.enqueued_at),
  };
}

/** @param toHost as for {@link queuedOf} */
export function storedOf(row: SizedRow, toHost: (at: number) => number): Stored {
  const { state, priority, due_at: dueAt, size: bytes } = row;
  const due = state === 'delayed' && dueAt !== null ? { dueAt: toHost(dueAt) } : {};
  const key = row.key === null ? {} : { key: row.key };
  const { died_at: diedAt } = row;
  const [last] = failuresOf([row.failure]);
  const more = {
    ...ownPolicy(row),
    ...(state === 'dead' && diedAt !== null ? { diedAt: toHost(diedAt) } : {}),
    ...(row.failures === undefined ? lastFailure(last) : allFailures(failuresOf(row.failures))),
  };
  return { ...queuedOf(row, toHost), state, priority, bytes, ...key, ...due, ...more };
}

export function headersOf(json: string | null): Headers {
  return json === null ? [] : (JSON.parse(json) as Headers);
}
