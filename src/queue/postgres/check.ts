import type { EngineStatus } from '../engine-status.ts';
import { StoreAway } from '../errors.ts';
import type { Statement } from './connection.ts';
import type { PostgresEngine } from './engine.ts';
import type { Membership } from './membership.ts';
import type { ServerClock } from './server-clock.ts';
import { NOW } from './sql.ts';

/** A clock that is further off is said to be; ms. */
const CLOCK_OFF_MS = 2000;
/** An older transaction keeps the server from clearing away what is removed; s. */
const OLD_TRANSACTION_S = 60;
/** An answer that takes longer limits everything; ms. */
const SLOW_MS = 20;

type Server = {
  readonly version: string;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly autovacuum: string;
  readonly now: number;
  /** Age of the oldest transaction of another session in the database; s. */
  readonly oldest: number | null;
};

/** How the server is, and what in its settings people should know of. */
export async function engineStatus(
  engine: PostgresEngine,
  members: Membership,
  clock: ServerClock,
): Promise<EngineStatus> {
  const base = { name: 'PostgreSQL', notifies: !engine.isPolling };
  try {
    const [server] = (await engine.fast<Server>(SERVER, [])) as [Server];
    const began = performance.now();
    const brokers = await members.others();
    const latencyMs = Math.round((performance.now() - began) * 100) / 100;
    const off = clock.toHost(server.now) - server.now;
    const warnings = warningsOf(server, latencyMs, off, base.notifies);
    return { ...base, error: null, version: server.version, latencyMs, warnings, brokers };
  } catch (error) {
    if (!(error instanceof StoreAway)) throw error;
    const { message } = error;
    return { ...base, error: message, version: null, latencyMs: null, warnings: [], brokers: [] };
  }
}

function warningsOf(server: Server, latencyMs: number, off: number, notifies: boolean): string[] {
  const { fsync, full_page_writes, autovacuum, oldest } = server;
  const found: [boolean, string][] = [
    [fsync === 'off', 'fsync is off: a crash of its machine loses confirmed messages.'],
    [
      full_page_writes === 'off',
      'full_page_writes is off: a crash of its machine can damage the database.',
    ],
    [autovacuum === 'off', 'autovacuum is off: it gets slower with each message that is done.'],
    [
      (oldest ?? 0) > OLD_TRANSACTION_S,
      `A transaction in this database is ${Math.round(oldest ?? 0)} s old: as long as it lasts, everything gets slower.`,
    ],
    [
      Math.abs(off) > CLOCK_OFF_MS,
      `Its clock and that of this host are ${Math.round(Math.abs(off) / 1000)} s apart; its own counts.`,
    ],
    [latencyMs > SLOW_MS, `An answer takes ${Math.round(latencyMs)} ms.`],
    [
      !notifies,
      'There are no notifications (LISTEN), probably because of a pooler: messages of other hosts are found within a second.',
    ],
  ];
  return found.flatMap(([is, text]) => (is ? [text] : []));
}

const SERVER: Statement = {
  name: 'server',
  text: `SELECT split_part(current_setting('server_version'), ' ', 1) AS version, current_setting('fsync') AS fsync,
      current_setting('full_page_writes') AS full_page_writes, current_setting('autovacuum') AS autovacuum,
      ${NOW} AS now, (SELECT extract(epoch FROM clock_timestamp() - min(xact_start))::float8 FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL) AS oldest`,
};
