import { randomUUID } from 'node:crypto';
import { drawIncarnation } from '../incarnation.ts';
import { longestBackoff, policyFor, type StorePolicy } from '../policy.ts';
import { type QueueSettings, type Queues, settingsOf } from '../queue-settings.ts';
import type { SqliteConnection } from './connection.ts';
import { asText, type Row } from './rows.ts';

/** Rows of the table, for people who want to know the history of a store. */
const INCARNATIONS_KEPT = 100;

/** The identity of the store; a new store is given one. */
export function identify(db: SqliteConnection): string {
  const known = db.sql('SELECT CAST(value AS BLOB) AS value FROM identity').get();
  if (known) return asText((known as { value: Uint8Array }).value);
  const identity = randomUUID();
  db.write('INSERT INTO identity (value) VALUES (?)', [identity]);
  return identity;
}

/** Draws the number of this opening and records it after the previous one. */
export function incarnate(db: SqliteConnection, now: number): number {
  const number = drawIncarnation();
  db.write('INSERT INTO incarnations (number, opened_at) VALUES (?, ?)', [number, now]);
  db.write(
    'DELETE FROM incarnations WHERE sequence <= (SELECT max(sequence) FROM incarnations) - ?',
    [INCARNATIONS_KEPT],
  );
  return number;
}

/**
 * No message is from the future, and no pause is longer than the policy allows: if the wall clock was set back
 * while no broker ran, waiting messages would have to wait that much longer.
 */
export function setBack(
  db: SqliteConnection,
  policy: StorePolicy,
  queues: Queues,
  now: number,
): void {
  db.write(
    `UPDATE messages SET due_at = due_at - (enqueued_at - ?1), enqueued_at = ?1,
    expires_at = expires_at - (enqueued_at - ?1)
    WHERE enqueued_at > ?1 AND id IN (SELECT id FROM messages WHERE state = 'delayed'
      UNION SELECT id FROM messages WHERE expires_at IS NOT NULL)`,
    [now],
  );
  const waiting = "FROM messages WHERE state = 'delayed' AND deliveries > 0";
  const columns = 'CAST(queue AS BLOB) AS queue, backoff, spent, releases';
  const pauses = db.sql(`SELECT DISTINCT ${columns} ${waiting}`).all() as (Pick<
    Row,
    'backoff' | 'spent' | 'releases'
  > & { readonly queue: Uint8Array })[];
  for (const { queue: name, backoff: backoffMs, spent, releases } of pauses) {
    const queue = asText(name);
    const own = { queue, backoffMs, maxAttempts: null, deadTo: null };
    const rules = policyFor(own, queues.of(queue), policy);
    const latest = Math.ceil(now + longestBackoff(rules, Math.max(spent, releases, 1)));
    db.write(
      `UPDATE messages SET due_at = ?1 WHERE state = 'delayed' AND deliveries > 0
      AND queue = ?2 AND backoff IS ?3 AND spent = ?4 AND releases = ?5 AND due_at > ?1`,
      [latest, queue, backoffMs, spent, releases],
    );
  }
}

/** What {@link settingsIn} takes. */
export const SETTINGS =
  'SELECT CAST(queue AS BLOB) AS queue, CAST(settings AS BLOB) AS settings FROM queues';

export interface SettingsRow {
  readonly queue: Uint8Array;
  readonly settings: Uint8Array;
}

/** Reads the settings of all queues. */
export function loadSettings(db: SqliteConnection, queues: Queues): void {
  queues.replace(settingsIn(db.sql(SETTINGS).all() as SettingsRow[]));
}

export function settingsIn(rows: readonly SettingsRow[]): [string, QueueSettings][] {
  return rows.map(({ queue, settings }) => [asText(queue), parsed(asText(settings))]);
}

/** What can no longer be read (a damaged file) counts for nothing. */
function parsed(json: string): QueueSettings {
  try {
    return settingsOf(JSON.parse(json));
  } catch {
    return {};
  }
}
