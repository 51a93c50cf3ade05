import { DEFAULT_POLICY, type Store, type StorePolicy } from './store.ts';
import type { StoreOptions } from './store-options.ts';

/** @throws StoreError */
export async function openStore(options: StoreOptions): Promise<Store> {
  const policy = policyOf(options);
  const { SqliteStore } = await import('./sqlite-store.ts');
  if (options.kind === 'memory') return SqliteStore.inMemory(policy);
  return SqliteStore.open(options.folder, policy, options.fsync ?? 'always');
}

function policyOf(options: StoreOptions): StorePolicy {
  const { maxMessages, maxBytes, maxAttempts, maxReleases, backoffMs, deadExpired } =
    DEFAULT_POLICY;
  return {
    maxMessages: options.maxMessages ?? maxMessages,
    maxBytes: options.maxBytes ?? maxBytes,
    maxAttempts: options.maxAttempts ?? maxAttempts,
    maxReleases: options.maxReleases ?? maxReleases,
    backoffMs: options.backoffMs ?? backoffMs,
    deadExpired: options.deadExpired ?? deadExpired,
  };
}
