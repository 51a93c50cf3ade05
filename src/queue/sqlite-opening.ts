import { randomUUID } from 'node:crypto';
import type { SqliteConnection } from './sqlite-connection.ts';
import type { Row } from './sqlite-rows.ts';
import { backoff, type StorePolicy } from './store.ts';

/** The identity of the store; a new one is given its own. */
export function identify(db: SqliteConnection): string {
  const known = db.sql('SELECT value FROM identity').get() as { value: string } | undefined;
  if (known) return known.value;
  const identity = randomUUID();
  db.write('INSERT INTO identity (value) VALUES (?)', [identity]);
  return identity;
}

/**
 * No message is from the future, and no pause longer than the policy wants: the wall clock was set back
 * while no broker ran, and what waits would wait for so much longer.
 */
export function setBack(db: SqliteConnection, policy: StorePolicy, now: number): void {
  db.write(
    `UPDATE messages SET due_at = due_at - (enqueued_at - ?1), enqueued_at = ?1,
    expires_at = expires_at - (enqueued_at - ?1)
    WHERE enqueued_at > ?1 AND id IN (SELECT id FROM messages WHERE state = 'delayed'
      UNION SELECT id FROM messages WHERE expires_at IS NOT NULL)`,
    [now],
  );
  const waiting = "FROM messages WHERE state = 'delayed' AND spent > 0";
  const pauses = db.sql(`SELECT DISTINCT spent ${waiting}`).all() as Pick<Row, 'spent'>[];
  for (const { spent } of pauses) {
    const latest = Math.ceil(now + backoff(policy, spent));
    db.write(
      "UPDATE messages SET due_at = ?1 WHERE state = 'delayed' AND spent = ?2 AND due_at > ?1",
      [latest, spent],
    );
  }
}
