/** Each kind of store, for tests of what holds for all of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext } from 'node:test';
import { DEFAULT_POLICY, type StorePolicy } from '../../src/queue/policy.ts';
import { PostgresStore } from '../../src/queue/postgres/postgres-store.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import type { NewMessage, Store } from '../../src/queue/store.ts';
import { PostgresServer, withoutPostgres } from '../postgres/server.ts';

export interface StoreKind {
  readonly name: string;
  readonly skip: string | false;
  /** Opens one. It is closed with the test, unless it was before. */
  open(t: TestContext, policy?: Partial<StorePolicy>): Promise<Stored>;
}

export interface Stored {
  readonly store: Store;
  /** The clock of the store; it moves when told. */
  readonly clock: { ms: number };
  /** The same store, in another broker: of the same host, when the former is closed, or of another one. */
  again(policy?: Partial<StorePolicy>, host?: string): Promise<Store>;
}

let server: PostgresServer | undefined;
let schemas = 0;

/** To be called once in a file. */
export function storeKinds(): StoreKind[] {
  before(async () => {
    if (!withoutPostgres) server = await PostgresServer.start();
  });
  after(() => server?.remove());
  const kind = (
    name: string,
    opener: (
      t: TestContext,
      now: () => number,
    ) => (policy: StorePolicy, host: string) => Store | Promise<Store>,
  ): StoreKind => ({
    name,
    skip: name === 'postgres' && withoutPostgres,
    async open(t, policy = {}) {
      const clock = { ms: 1_000_000 };
      const open = opener(t, () => clock.ms);
      const again = async (policy: Partial<StorePolicy> = {}, host = 'host') => {
        const store = await open({ ...DEFAULT_POLICY, ...policy }, host);
        t.after(() => store.close());
        return store;
      };
      return { store: await again(policy), clock, again };
    },
  });
  return [
    kind('memory', (_t, now) => (policy) => SqliteStore.inMemory(policy, now)),
    kind('sqlite', (t, now) => {
      const folder = mkdtempSync(join(tmpdir(), 'sigmq-store-'));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      return (policy) => SqliteStore.open(folder, policy, 'never', now);
    }),
    kind('postgres', (_t, now) => {
      const url = (server as PostgresServer).url(`s${++schemas}`);
      return (policy, host) => {
        const place = { key: `${host} ${url}`, host, dir: '/dir', version: '1' };
        return PostgresStore.open({ url, policy, place, leaseMs: 10_000, now });
      };
    }),
  ];
}

/** What psql prints of a store in PostgreSQL. */
export const sql = (text: string) => (server as PostgresServer).sql(text);

export const message = (text: string, more: Partial<NewMessage> = {}): NewMessage => ({
  queue: 'mail',
  body: Buffer.from(text),
  priority: 0,
  ...more,
});
