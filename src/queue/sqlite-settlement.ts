import type { ReservedRow } from './sqlite-count.ts';
import { backoff, type Outcome, type Settled, type StorePolicy } from './store.ts';

/** What a settlement does to a row. */
export interface RowChange {
  readonly state: Exclude<Settled, 'unknown'>;
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** When the message falls due, if it is delayed; ms since the epoch. */
  readonly dueAt: number | null;
}

/** @param now ms since the epoch */
export function settlementOf(
  id: number,
  held: ReservedRow,
  outcome: Outcome,
  policy: StorePolicy,
  now: number,
): RowChange {
  if (outcome.kind === 'done') {
    return {
      state: 'gone',
      sql: 'DELETE FROM messages WHERE id = ?',
      parameters: [id],
      dueAt: null,
    };
  }
  if (outcome.kind === 'untaken') {
    const sql =
      "UPDATE messages SET state = 'ready', consumer = NULL, incarnation = NULL WHERE id = ?";
    return { state: 'ready', sql, parameters: [id], dueAt: null };
  }
  const { kind } = outcome;
  const cost = kind === 'failed' || kind === 'lost' || kind === 'dead' ? 1 : 0;
  const spent = held.spent + cost;
  const releases = held.releases + (kind === 'release' ? 1 : 0);
  const state = stateAfter(kind, spent, releases, policy);
  const pause = backoff(policy, kind === 'release' ? releases : spent);
  const dueAt = state === 'delayed' ? Math.ceil(now + pause) : null;
  return {
    state,
    dueAt,
    // What was taken in time does not expire. The incarnation stays, because a late settlement names it.
    sql: `UPDATE messages SET state = ?, attempts = ?, spent = ?, releases = ?, deliveries = ?, due_at = ?,
      expires_at = NULL, consumer = NULL WHERE id = ?`,
    parameters: [state, held.attempts + cost, spent, releases, held.deliveries + 1, dueAt, id],
  };
}

function stateAfter(
  kind: Exclude<Outcome['kind'], 'done' | 'untaken'>,
  spent: number,
  releases: number,
  { maxAttempts, maxReleases }: StorePolicy,
): RowChange['state'] {
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
