import type { PostgresConnection } from './connection.ts';
import { agedIndex } from './sql.ts';

/**
 * Makes the index for what this broker wants, and removes those that no broker wants any more. For a million messages
 * it takes some seconds, during which other brokers go on.
 * @param agingMs undefined: it wants none; ms
 */
export async function ageIndexes(
  connection: PostgresConnection,
  agingMs: number | undefined,
): Promise<void> {
  const known = await connection.ask<{ name: string; whole: boolean; wanted: boolean }>(
    `SELECT relname AS name, indisvalid AS whole,
      relname IN (SELECT 'messages_aged_' || aging FROM brokers WHERE aging IS NOT NULL) AS wanted
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = 'messages'::regclass AND starts_with(relname, 'messages_aged_')`,
    [],
  );
  const own = agingMs === undefined ? undefined : agedIndex(agingMs);
  for (const { name, whole, wanted } of known) {
    // One that is not whole was given up in the middle, or another broker is just making it.
    if (!wanted || (name === own?.name && !whole))
      await connection.ask(`DROP INDEX IF EXISTS "${name}"`);
  }
  if (!own || known.some(({ name, whole }) => name === own.name && whole)) return;
  const how = connection.isPooled ? '' : 'CONCURRENTLY';
  await connection.askPatiently(`CREATE INDEX ${how} IF NOT EXISTS "${own.name}" ON ${own.on}`);
}
