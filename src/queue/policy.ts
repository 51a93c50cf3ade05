/** What a store keeps, and for how long it tries. */
export interface StorePolicy {
  /** Messages that it may hold. */
  readonly maxMessages: number;
  /** Bytes of their bodies and headers. */
  readonly maxBytes: number;
  /** Attempts of one message before it counts as dead. */
  readonly maxAttempts: number;
  /** How often one message may be given back before it counts as dead. */
  readonly maxReleases: number;
  /** Pause after the first failed attempt or release; it doubles after each further one; ms. */
  readonly backoffMs: number;
  /** Expired messages are kept as dead instead of being removed. */
  readonly deadExpired: boolean;
  /**
   * A message that has waited for this long goes before a new one whose priority is one higher; undefined: before none
   * whose priority is higher, however long it has waited; whole ms.
   */
  readonly agingMs: number | undefined;
}

export const DEFAULT_POLICY: StorePolicy = {
  maxMessages: 10_000_000,
  maxBytes: 1 << 30,
  maxAttempts: 5,
  maxReleases: Number.POSITIVE_INFINITY,
  backoffMs: 1000,
  deadExpired: false,
  agingMs: undefined,
};

/** No pause before another attempt is longer than this; ms. */
const MAX_BACKOFF_MS = 3_600_000;

/** Pause before the next attempt after `times` unsuccessful ones; ms. */
export function backoff({ backoffMs }: Pick<StorePolicy, 'backoffMs'>, times: number): number {
  return Math.min(backoffMs * 2 ** (times - 1), MAX_BACKOFF_MS);
}
