import type { Headers, Reserved, State, Stored } from './store.ts';

export interface Row {
  readonly id: number;
  readonly queue: string;
  readonly state: State;
  readonly priority: number;
  readonly body: Uint8Array | ArrayBuffer;
  readonly headers: string | null;
  readonly attempts: number;
  readonly spent: number;
  readonly releases: number;
  readonly deliveries: number;
  readonly position: number;
  readonly enqueued_at: number;
  readonly due_at: number | null;
  readonly consumer: string | null;
  readonly incarnation: number | null;
}

type HolderColumn = 'consumer' | 'incarnation';

/** As one looks at it: the body is asked for apart. */
export type BodilessRow = Omit<Row, 'body' | HolderColumn | 'spent' | 'position'> & {
  readonly bytes: number;
};
export const ALL_BUT_BODY =
  'id, queue, state, priority, headers, attempts, releases, deliveries, enqueued_at, due_at, length(body) AS bytes';

/** Bytes that a row counts with, as sizeOf() has it. */
export const BYTES = 'length(body) + ifnull(octet_length(headers), 0)';

/** As counted when it was published. */
export function bytesOf({ body, headers }: Row): number {
  return asBytes(body).length + (headers === null ? 0 : Buffer.byteLength(headers));
}

export function reservedOf(
  row: Omit<Row, HolderColumn | 'spent' | 'position'>,
): Omit<Reserved, 'incarnation'> {
  const { id, queue, body, headers, attempts, releases, deliveries } = row;
  return {
    ...{ id, queue, body: asBytes(body), headers: headersOf(headers) },
    ...{ attempt: attempts + 1, releases, delivery: deliveries + 1 },
    enqueuedAt: row.enqueued_at,
  };
}

export function storedOf(row: BodilessRow, body: Uint8Array): Stored {
  const { state, priority, bytes, due_at: dueAt } = row;
  const due = state === 'delayed' && dueAt !== null ? { dueAt } : {};
  return { ...reservedOf({ ...row, body }), bytes, state, priority, ...due };
}

export function asBytes(body: Row['body']): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array(body);
}

/** What cannot be understood any more (a damaged file) is left out; the message itself may be whole. */
function headersOf(json: string | null): Headers {
  if (json === null) return [];
  try {
    const headers: unknown = JSON.parse(json);
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
