import type { PostgresConnection } from './connection.ts';
import { codeOf } from './errors.ts';
import { agedIndex } from './sql.ts';

/** Another broker was faster, or is in the way just now: whoever connects next sees to it. */
const LATER: ReadonlySet<string> = new Set(['42P07', '23505', '40P01', '55P03', '57014']);

/**
 * Makes the index for what this broker wants, and removes those that no broker wants any more. For a million messages
 * it takes some seconds, during which other brokers go on.
 * @param agingMs undefined: it wants none; ms
 */
export async function ageIndexes(
  connection: PostgresConnection,
  agingMs: number | undefined,
): Promise<void> {
  const known = await connection.ask<{ name: string; use: 'whole' | 'making' | 'none' }>(
    INDEXES,
    [],
  );
  const own = agingMs === undefined ? undefined : agedIndex(agingMs);
  for (const { name, use } of known) {
    if (use === 'none') await unlessLater(connection.ask(`DROP INDEX IF EXISTS "${name}"`));
  }
  if (!own || known.some(({ name, use }) => name === own.name && use !== 'none')) return;
  const how = connection.isPooled ? '' : 'CONCURRENTLY';
  await unlessLater(
    connection.askPatiently(`CREATE INDEX ${how} IF NOT EXISTS "${own.name}" ON ${own.on}`),
  );
}

async function unlessLater(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!LATER.has(codeOf(error) ?? '')) throw error;
  }
}

/** One that is not valid, and that nobody is making, was given up in the middle. */
const INDEXES = `SELECT relname AS name, CASE
      WHEN EXISTS (SELECT FROM pg_stat_progress_create_index WHERE index_relid = indexrelid) THEN 'making'
      WHEN indisvalid AND relname IN (SELECT 'messages_aged_' || aging FROM brokers WHERE aging IS NOT NULL) THEN 'whole'
      ELSE 'none' END AS use
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = 'messages'::regclass AND starts_with(relname, 'messages_aged_')`;
