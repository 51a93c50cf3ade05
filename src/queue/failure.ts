/** Failures that a message keeps, the last ones; with them it grows by some 10 KiB at most. */
export const MAX_FAILURES = 8;
/** Bytes of a reason: what a command has said last, 1 KiB, and a sentence before it. */
const MAX_REASON_BYTES = 1280;

/**
 * How an attempt, or a message, failed. `rejected`: never to be tried again; `lost`: its consumer ended, or took too
 * long; `released`: it was given back once too often; `expired`: nobody took it in time.
 */
export type FailureKind = 'failed' | 'rejected' | 'lost' | 'released' | 'expired';
const KINDS: readonly FailureKind[] = ['failed', 'rejected', 'lost', 'released', 'expired'];

/** Why a message was not done. */
export interface Failure {
  readonly kind: FailureKind;
  /** Which attempt it was; absent: nobody tried it. */
  readonly attempt?: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** In which queue it was. */
  readonly queue: string;
  /** The consumer that had it, and its host. */
  readonly pid?: number;
  readonly host?: string;
  /** What its consumer, or the broker, says: any text, up to {@link MAX_REASON_BYTES}; absent: nothing. */
  readonly reason?: string;
}

/** Text that every store can keep, and not too much of it: its beginning. */
export function reasonText(text: string): string {
  // Half of a surrogate pair becomes U+FFFD here, too.
  const bytes = Buffer.from(text.replaceAll('\0', '\uFFFD'));
  if (bytes.length <= MAX_REASON_BYTES) return bytes.toString();
  // A character that is cut in half is left out.
  return new TextDecoder().decode(bytes.subarray(0, MAX_REASON_BYTES), { stream: true });
}

/** Those of a message, with one more. */
export function withFailure(before: readonly Failure[], failure: Failure): readonly Failure[] {
  return [...before, failure].slice(-MAX_FAILURES);
}

/** What a store has kept, in the order of an export; what can no longer be read (a damaged file) is left out. */
export function failuresOf(json: unknown): Failure[] {
  if (!Array.isArray(json)) return [];
  return json.filter(isFailure).map(({ kind, attempt, at, queue, pid, host, reason }) => ({
    kind,
    ...(attempt === undefined ? {} : { attempt }),
    ...{ at, queue },
    ...(pid === undefined ? {} : { pid }),
    ...(host === undefined ? {} : { host }),
    ...(reason === undefined ? {} : { reason }),
  }));
}

function isFailure(value: unknown): value is Failure {
  const { kind, attempt, at, queue, pid, host, reason } = Object(value) as Record<string, unknown>;
  return (
    KINDS.some((one) => one === kind) &&
    [at, attempt ?? 0, pid ?? 0].every((number) => Number.isSafeInteger(number)) &&
    [queue, host ?? '', reason ?? ''].every((text) => typeof text === 'string')
  );
}
