import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ClientConfig } from 'pg';
import { postgresErrors } from './errors.ts';

/** How often another client tries to get a connection that should be ours alone. */
const SHARED_TRIES = 10;
/** How long a pooler may take to give us a connection; ms. */
const POOL_MS = 1000;
const INT8 = 20;
const INT8_ARRAY = 1016;

/** What of a client the types of the package leave out. */
type Inside = Client & {
  /** Of the process that serves it, as that says. */
  readonly processID: number;
  readonly connection: { readonly stream: { destroy(): void } };
};

/** Loads the package. @returns a function that makes clients of this kind @throws StoreError it cannot be loaded */
export async function clients(config: ClientConfig): Promise<() => Client> {
  const { default: pg } = await import('pg').catch((error) => {
    throw postgresErrors.noLibrary(error);
  });
  const types: ClientConfig['types'] = {
    getTypeParser: (oid, format) => parserOf(oid) ?? pg.types.getTypeParser(oid, format),
  };
  // The driver looks into the file too, and warns that a later version will not.
  const password = process.env.PGPASSWORD || (passwordOf as () => Promise<string>);
  return () => new pg.Client({ ...config, keepAlive: true, types, password });
}

/** As in ~/.pgpass, or the file that PGPASSFILE names; empty: none. */
async function passwordOf(connection: unknown): Promise<string> {
  const { default: pgpass } = await import('pgpass');
  return new Promise((resolve) => pgpass(connection, (password = '') => resolve(password)));
}

/** At once, without a word to the server. */
export function cutOff(client: Client): void {
  (client as Inside).connection.stream.destroy();
}

/**
 * Whether a pooler gives its transactions one connection after the other. Whoever is connected directly is told the
 * PID of his backend; a pooler makes one up. Then another client takes the connection used last, which stays ours
 * only if it is ours. Somebody else may be faster than that client: so it tries more than once.
 */
export async function isShared(client: Client, make: () => Client): Promise<boolean> {
  const first = await backendOf(client);
  if (first === (client as Inside).processID) return false;
  const other = make();
  other.on('error', () => {}); // who asks hears of it
  await other.connect();
  try {
    for (let tries = 0; tries < SHARED_TRIES; tries++) {
      if (await takesOver(other, client, first)) return true;
    }
    return false;
  } finally {
    await other.end().catch(() => {});
  }
}

/** Whether a client gets the backend of another one, or keeps him from it. */
async function takesOver(other: Client, client: Client, backend: number): Promise<boolean> {
  await other.query('BEGIN');
  const taken = await backendOf(other);
  const now = backendOf(client);
  const same = await Promise.race([now.then((pid) => pid === backend), sleep(POOL_MS, false)]);
  await other.query('COMMIT');
  await now;
  return taken === backend || !same;
}

async function backendOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? 0;
}

/** Ours are below 2^53. */
function parserOf(oid: number): ((text: string) => unknown) | undefined {
  if (oid === INT8) return Number;
  if (oid === INT8_ARRAY) return (text) => text.slice(1, -1).split(',').filter(Boolean).map(Number);
  return undefined;
}
