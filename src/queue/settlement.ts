import { backoff, type StorePolicy } from './policy.ts';
import type { Outcome, Settled } from './store.ts';

/** What decides what becomes of a message in a consumer's hands. */
export interface Held {
  /** Attempts that failed, ever. */
  readonly attempts: number;
  /** Those of them that count. */
  readonly spent: number;
  readonly releases: number;
  readonly deliveries: number;
}

/** What a settlement makes of a message that stays. */
export interface After extends Held {
  readonly state: Exclude<Settled, 'gone' | 'unknown' | 'unmade'>;
  /** When it falls due, if it is delayed; ms since the epoch. */
  readonly dueAt: number | null;
}

/** @param now ms since the epoch */
export function after(
  { kind }: { readonly kind: Exclude<Outcome['kind'], 'done' | 'untaken'> },
  held: Held,
  policy: StorePolicy,
  now: number,
): After {
  const cost = kind === 'failed' || kind === 'lost' || kind === 'dead' ? 1 : 0;
  const spent = held.spent + cost;
  const releases = held.releases + (kind === 'release' ? 1 : 0);
  const state = stateAfter(kind, spent, releases, policy);
  const pause = backoff(policy, kind === 'release' ? releases : spent);
  return {
    state,
    attempts: held.attempts + cost,
    spent,
    releases,
    deliveries: held.deliveries + 1,
    dueAt: state === 'delayed' ? Math.ceil(now + pause) : null,
  };
}

function stateAfter(
  kind: Exclude<Outcome['kind'], 'done' | 'untaken'>,
  spent: number,
  releases: number,
  { maxAttempts, maxReleases }: StorePolicy,
): After['state'] {
  switch (kind) {
    case 'return':
      return 'ready';
    case 'release':
      return releases > maxReleases ? 'dead' : 'delayed';
    case 'lost':
      return spent >= maxAttempts ? 'dead' : 'ready';
    case 'failed':
      return spent >= maxAttempts ? 'dead' : 'delayed';
    case 'dead':
      return 'dead';
  }
}
