/** Every kind of store, each time a new one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { StorePolicy } from '../../src/queue/policy.ts';
import { PostgresStore } from '../../src/queue/postgres/postgres-store.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import type { Store } from '../../src/queue/store.ts';
import { PostgresServer, withoutPostgres } from '../postgres/server.ts';

/** A clock that moves when told. */
export class Clock {
  ms = 1_000_000;
  readonly now = () => this.ms;
}

type Open = (
  t: { after(fn: () => void): void },
  policy: StorePolicy,
  clock: Clock,
) => Promise<Store>;

let server: PostgresServer | undefined;
let schemas = 0;
before(async () => {
  if (!withoutPostgres) server = await PostgresServer.start();
});
after(() => server?.remove());

export const stores: Record<string, Open> = {
  memory: async (_t, policy, clock) => SqliteStore.inMemory(policy, clock.now),
  sqlite: async (t, policy, clock) => {
    const folder = mkdtempSync(join(tmpdir(), 'sigmq-store-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    return SqliteStore.open(folder, policy, 'never', clock.now);
  },
  postgres: (_t, policy, clock) => ofHost(`s${++schemas}`, policy, clock),
};

/** The store of a broker that shares it with those of other hosts. @param clock undefined: that of the server */
export function ofHost(
  schema: string,
  policy: StorePolicy,
  clock?: Clock,
  host = 'host',
  leaseMs = 10_000,
): Promise<Store> {
  const url = (server as PostgresServer).url(schema);
  const place = { key: url + host, host, dir: '/dir', version: '1' };
  return PostgresStore.open({ url, policy, place, leaseMs, ...(clock && { now: clock.now }) });
}
