import { queueOfGroup } from '../options/groups.ts';
import type { QueueSettings } from './queue-settings.ts';

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
  /** Dead messages that it may hold; beyond, the oldest are removed. */
  readonly maxDead: number;
  /** Bytes of their bodies and headers. */
  readonly maxDeadBytes: number;
  /** Dead messages are removed after this; ms. */
  readonly deadAgeMs: number;
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
  ...deadLimits(10_000_000, 1 << 30),
  deadAgeMs: Number.POSITIVE_INFINITY,
  agingMs: undefined,
};

/** Unless somebody says otherwise, dead messages leave half of the store to the others. */
export function deadLimits(
  maxMessages: number,
  maxBytes: number,
): Pick<StorePolicy, 'maxDead' | 'maxDeadBytes'> {
  return { maxDead: Math.ceil(maxMessages / 2), maxDeadBytes: Math.ceil(maxBytes / 2) };
}

/** No pause grows longer than this, unless the first one is; ms. */
const MAX_BACKOFF_MS = 3_600_000;

/** What a message has of its own, before its queue and the broker are asked; null: nothing. */
export interface OwnPolicy {
  readonly maxAttempts: number | null;
  readonly backoffMs: number | null;
  readonly deadTo: string | null;
}

/** What holds for a message. */
export interface MessagePolicy {
  readonly maxAttempts: number;
  readonly maxReleases: number;
  readonly backoffMs: number;
  readonly jitter: number;
  /** The queue to which it goes when it is dead; undefined: it stays. */
  readonly deadTo: string | undefined;
}

/** What it says itself goes before what its queue says, and that before the broker. */
export function policyFor(
  own: OwnPolicy & { readonly queue: string },
  settings: QueueSettings,
  policy: StorePolicy,
): MessagePolicy {
  const deadTo = own.deadTo ?? settings.deadTo;
  return {
    maxAttempts: own.maxAttempts ?? settings.maxAttempts ?? policy.maxAttempts,
    maxReleases: policy.maxReleases,
    backoffMs: own.backoffMs ?? settings.backoffMs ?? policy.backoffMs,
    jitter: settings.jitter ?? 0,
    // Nor does it go to the queue of its group, whose messages are for a group.
    deadTo: deadTo === queueOfGroup(own.queue) ? undefined : deadTo,
  };
}

type Backoff = Pick<MessagePolicy, 'backoffMs' | 'jitter'>;

/** Pause before the next attempt after `times` unsuccessful ones; ms. @param chance 0 to 1, drawn at random */
export function backoff({ backoffMs, jitter }: Backoff, times: number, chance: number): number {
  const pause = Math.min(backoffMs * 2 ** (times - 1), Math.max(backoffMs, MAX_BACKOFF_MS));
  return pause * (1 + jitter * (2 * chance - 1));
}

/** The longest that {@link backoff} returns; ms. */
export function longestBackoff(policy: Backoff, times: number): number {
  return backoff(policy, times, 1);
}
