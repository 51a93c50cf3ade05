import { type Failure, failuresOf } from '../failure.ts';
import type { Stored } from '../inspection.ts';
import type { Headers, MessageState, Reserved } from '../message.ts';
import type { OwnPolicy } from '../policy.ts';
import { allFailures, lastFailure, ownPolicy } from '../shown.ts';

/** What the driver returns for a BLOB. */
type Blob = Uint8Array | ArrayBuffer;

/** A row as selected by {@link ALL_COLUMNS}. */
export interface Row {
  readonly id: number;
  readonly queue: string;
  readonly state: MessageState;
  readonly priority: number;
  readonly body: Blob;
  readonly headers: Blob | null;
  readonly attempts: number;
  readonly spent: number;
  readonly releases: number;
  readonly deliveries: number;
  readonly position: number;
  readonly enqueued_at: number;
  readonly due_at: number | null;
  readonly consumer: Blob | null;
  readonly incarnation: number | null;
  readonly key: Blob | null;
  readonly key_ttl: number | null;
  readonly max_attempts: number | null;
  readonly backoff: number | null;
  readonly dead_to: Blob | null;
  readonly died_at: number | null;
  readonly failures: Blob | null;
  readonly asker: Blob | null;
}

type HolderColumn = 'consumer' | 'incarnation' | 'key_ttl';
type PolicyColumn = 'max_attempts' | 'backoff' | 'dead_to' | 'died_at' | 'failures';

/** For inspection: the body is fetched separately. */
export type BodilessRow = Omit<Row, 'body' | HolderColumn | 'spent' | 'position' | 'asker'> & {
  readonly bytes: number;
};
/** A row that is to be given out. */
export type ReadyRow = Omit<Row, 'died_at' | 'failures' | 'key'>;
/** The driver ends the process when a text is not UTF-8 (a damaged file), so it is given bytes, and we decode them. */
const HEADERS = 'CAST(headers AS BLOB) AS headers';
export const ALL_BUT_BODY = `id, queue, state, priority, ${HEADERS}, attempts, releases, deliveries, enqueued_at,
  due_at, CAST(key AS BLOB) AS key, length(body) AS bytes, max_attempts, backoff, CAST(dead_to AS BLOB) AS dead_to,
  died_at, CAST(failures AS BLOB) AS failures`;
export const ALL_COLUMNS = `id, queue, state, priority, body, ${HEADERS}, attempts, spent, releases, deliveries, position,
  enqueued_at, due_at, CAST(consumer AS BLOB) AS consumer, incarnation, key_ttl, max_attempts, backoff,
  CAST(dead_to AS BLOB) AS dead_to, CAST(asker AS BLOB) AS asker`;

/** Bytes that a row counts for, in agreement with sizeOf(). */
export const BYTES = 'length(body) + ifnull(octet_length(headers), 0)';

/** The size as counted when it was published. */
export function bytesOf({ body, headers }: Pick<Row, 'body' | 'headers'>): number {
  return asBytes(body).length + (headers?.byteLength ?? 0);
}

export function reservedOf(
  row: Omit<Row, HolderColumn | PolicyColumn | 'spent' | 'position' | 'key' | 'asker'> &
    Partial<Pick<Row, 'asker'>>,
): Omit<Reserved, 'incarnation'> {
  const { id, queue, body, headers, attempts, releases, deliveries, asker } = row;
  return {
    ...(asker ? { asker: asText(asker) } : {}),
    ...{ id, queue, body: asBytes(body), headers: headersOf(headers) },
    ...{ attempt: attempts + 1, releases, delivery: deliveries + 1 },
    enqueuedAt: row.enqueued_at,
  };
}

/** @param whole with all of its failures; otherwise with the last one, of which a list shows a part */
export function storedOf(row: BodilessRow, body: Uint8Array, whole: boolean): Stored {
  const { state, priority, bytes, due_at: dueAt } = row;
  const key = row.key === null ? {} : { key: asText(row.key) };
  const due = state === 'delayed' && dueAt !== null ? { dueAt } : {};
  const failures = failuresIn(row.failures);
  const more = {
    ...ownPolicy(ownOf(row)),
    ...(state === 'dead' && row.died_at !== null ? { diedAt: row.died_at } : {}),
    ...(whole ? allFailures(failures) : lastFailure(failures.at(-1))),
  };
  return { ...reservedOf({ ...row, body }), bytes, state, priority, ...key, ...due, ...more };
}

/** What it says itself of its attempts. */
export function ownOf(row: Pick<Row, 'max_attempts' | 'backoff' | 'dead_to'>): OwnPolicy {
  return {
    maxAttempts: row.max_attempts,
    backoffMs: row.backoff,
    deadTo: textOrNull(row.dead_to),
  };
}

/** Those that can no longer be read (a damaged file) are left out. */
export function failuresIn(json: Blob | null): Failure[] {
  if (json === null) return [];
  try {
    return failuresOf(JSON.parse(asText(json)));
  } catch {
    return [];
  }
}

export function asBytes(blob: Blob): Uint8Array {
  return blob instanceof Uint8Array ? blob : new Uint8Array(blob);
}

/** Bytes that are not UTF-8 become U+FFFD. */
export function asText(blob: Blob | null): string {
  return blob === null ? '' : Buffer.from(asBytes(blob)).toString();
}

export function textOrNull(blob: Blob | null): string | null {
  return blob === null ? null : asText(blob);
}

/** Headers that can no longer be read (a damaged file) are left out; the message itself may be intact. */
export function headersOf(json: Blob | null): Headers {
  if (json === null) return [];
  try {
    const headers: unknown = JSON.parse(asText(json));
    return Array.isArray(headers) ? headers.filter(isHeader) : [];
  } catch {
    return [];
  }
}

function isHeader(header: unknown): header is Headers[number] {
  if (!Array.isArray(header) || header.length !== 2) return false;
  const [name, value] = header as unknown[];
  return typeof name === 'string' && typeof value === 'string' && !name.includes('\0');
}
