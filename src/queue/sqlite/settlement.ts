import type { StorePolicy } from '../policy.ts';
import { after } from '../settlement.ts';
import type { Outcome, Settled } from '../store.ts';
import type { ReservedRow } from './count.ts';

/** What a settlement does to a row. */
export interface RowChange {
  readonly state: Exclude<Settled, 'unknown' | 'unmade'>;
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** When the message falls due, if it is delayed; ms since the epoch. */
  readonly dueAt: number | null;
}

/** @param now ms since the epoch */
export function settlementOf(
  id: number,
  held: ReservedRow,
  { kind }: Outcome,
  policy: StorePolicy,
  now: number,
): RowChange {
  if (kind === 'done') {
    return {
      state: 'gone',
      sql: 'DELETE FROM messages WHERE id = ?',
      parameters: [id],
      dueAt: null,
    };
  }
  if (kind === 'untaken') {
    const sql =
      "UPDATE messages SET state = 'ready', consumer = NULL, incarnation = NULL WHERE id = ?";
    return { state: 'ready', sql, parameters: [id], dueAt: null };
  }
  const to = after({ kind }, held, policy, now);
  const { state, attempts, spent, releases, deliveries, dueAt } = to;
  return {
    state,
    dueAt,
    // What was taken in time does not expire. The incarnation stays, because a late settlement names it.
    sql: `UPDATE messages SET state = ?, attempts = ?, spent = ?, releases = ?, deliveries = ?, due_at = ?,
      expires_at = NULL, consumer = NULL WHERE id = ?`,
    parameters: [state, attempts, spent, releases, deliveries, dueAt, id],
  };
}
