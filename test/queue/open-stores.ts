/** Each kind of store, for tests of what holds for all of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { DEFAULT_POLICY, type StorePolicy } from '../../src/queue/policy.ts';
import { PostgresStore } from '../../src/queue/postgres/postgres-store.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import type { Store } from '../../src/queue/store.ts';
import { PostgresServer, withoutPostgres } from '../postgres/server.ts';

/** A clock that moves when told. */
export class Clock {
  ms = 1_000_000;
  readonly now = () => this.ms;
}

/** A test, or what else cleans up after itself. */
interface Scope {
  after(fn: () => void | Promise<void>): void;
}

export interface StoreKind {
  readonly name: string;
  readonly skip: string | false;
  /** Opens a new one. It is closed with the test, unless it was before. */
  open(t: Scope, policy?: Partial<StorePolicy>): Promise<Opened>;
}

interface Opened {
  readonly store: Store;
  readonly clock: Clock;
  /** The same store, in another broker: of the same host, when the former is closed, or of another one. */
  again(policy?: Partial<StorePolicy>, host?: string): Promise<Store>;
}

let server: PostgresServer | undefined;
let schemas = 0;
before(async () => {
  if (!withoutPostgres) server = await PostgresServer.start();
});
after(() => server?.remove());

type Open = (policy: StorePolicy, host: string) => Store | Promise<Store>;

const kindOf = (
  name: string,
  skip: string | false,
  opener: (t: Scope, clock: Clock) => Open,
): StoreKind => ({
  ...{ name, skip },
  async open(t, policy) {
    const clock = new Clock();
    const open = opener(t, clock);
    const again = async (policy: Partial<StorePolicy> = {}, host = 'host') => {
      const store = await open({ ...DEFAULT_POLICY, ...policy }, host);
      t.after(() => store.close());
      return store;
    };
    return { store: await again(policy), clock, again };
  },
});

/** The store of a broker that shares it with those of other hosts. @param clock undefined: that of the server */
export function ofHost(
  schema: string,
  policy: StorePolicy,
  clock?: Clock,
  host = 'host',
  leaseMs = 10_000,
): Promise<Store> {
  const url = (server as PostgresServer).url(schema);
  const place = { key: `${host} ${url}`, host, dir: '/dir', version: '1' };
  return PostgresStore.open({ url, policy, place, leaseMs, ...(clock && { now: clock.now }) });
}

export const postgres = kindOf('postgres', withoutPostgres, (_t, clock) => {
  const schema = `s${++schemas}`;
  return (policy, host) => ofHost(schema, policy, clock, host);
});

export const storeKinds: readonly StoreKind[] = [
  kindOf('memory', false, (_t, clock) => (policy) => SqliteStore.inMemory(policy, clock.now)),
  kindOf('sqlite', false, (t, clock) => {
    const folder = mkdtempSync(join(tmpdir(), 'sigmq-store-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    return (policy) => SqliteStore.open(folder, policy, 'never', clock.now);
  }),
  postgres,
];

/** What psql prints of a store in PostgreSQL. */
export const sql = (text: string) => (server as PostgresServer).sql(text);
