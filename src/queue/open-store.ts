import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { VERSION } from '../version.ts';
import { DEFAULT_POLICY, deadLimits, type StorePolicy } from './policy.ts';
import type { Place } from './postgres/membership.ts';
import type { Store } from './store.ts';
import { DEFAULT_LEASE_MS, type StoreOptions } from './store-options.ts';

/**
 * @param place of the broker; without one, the store is only looked at, or copied
 * @throws StoreError
 */
export async function openStore(options: StoreOptions, place?: Place): Promise<Store> {
  const policy = policyOf(options);
  if (options.kind === 'postgres') {
    const { PostgresStore } = await import('./postgres/postgres-store.ts');
    const { url, leaseMs = DEFAULT_LEASE_MS } = options;
    const isVisitor = place === undefined;
    return PostgresStore.open({ url, policy, place: place ?? visitor(), leaseMs, isVisitor });
  }
  const { SqliteStore } = await import('./sqlite/sqlite-store.ts');
  if (options.kind === 'memory') return SqliteStore.inMemory(policy);
  const { folder, fsync = 'always' } = options;
  return SqliteStore.open(folder, policy, fsync, undefined, place === undefined);
}

function visitor(): Place {
  return { key: randomUUID(), host: hostname(), dir: process.cwd(), version: VERSION };
}

function policyOf(options: StoreOptions): StorePolicy {
  const { maxMessages = DEFAULT_POLICY.maxMessages, maxBytes = DEFAULT_POLICY.maxBytes } = options;
  const { maxAttempts, maxReleases, backoffMs, deadExpired, deadAgeMs } = DEFAULT_POLICY;
  const { maxDead, maxDeadBytes } = deadLimits(maxMessages, maxBytes);
  return {
    maxMessages,
    maxBytes,
    maxAttempts: options.maxAttempts ?? maxAttempts,
    maxReleases: options.maxReleases ?? maxReleases,
    backoffMs: options.backoffMs ?? backoffMs,
    deadExpired: options.deadExpired ?? deadExpired,
    maxDead: options.maxDead ?? maxDead,
    maxDeadBytes: options.maxDeadBytes ?? maxDeadBytes,
    deadAgeMs: options.deadAgeMs ?? deadAgeMs,
    agingMs: options.agingMs === undefined ? undefined : Math.max(1, Math.round(options.agingMs)),
  };
}
