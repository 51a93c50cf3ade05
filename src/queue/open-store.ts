import { DEFAULT_POLICY, type Store, type StorePolicy } from './store.ts';

/**
 * When a message is safe from a crash of the operating system: before it is confirmed, never by our
 * doing, or within so many milliseconds.
 */
export type Fsync = 'always' | 'never' | number;

export type StoreOptions = { readonly [K in keyof StorePolicy]?: StorePolicy[K] | undefined } & (
  | { readonly kind: 'memory' }
  | {
      readonly kind: 'sqlite';
      /** The folder of the store; made if need be. */
      readonly folder: string;
      /** Default: `always`. */
      readonly fsync?: Fsync | undefined;
    }
);

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
