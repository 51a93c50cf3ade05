import { DEFAULT_POLICY, type Store, type StorePolicy } from './store.ts';

/**
 * When a message is safe from a crash of the operating system: before it is confirmed, never by our
 * doing, or within so many milliseconds.
 */
export type Fsync = 'always' | 'never' | number;

export type StoreOptions = Partial<StorePolicy> &
  (
    | { readonly kind: 'memory' }
    | {
        readonly kind: 'sqlite';
        /** The folder of the store; made if need be. */
        readonly folder: string;
        /** Default: `always`. */
        readonly fsync?: Fsync | undefined;
      }
  );

/**
 * Opens a store; loads the code of that kind only.
 * @throws StoreError
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const policy = policyOf(options);
  if (options.kind === 'memory') {
    const { MemoryStore } = await import('./memory-store.ts');
    return new MemoryStore(policy);
  }
  const { SqliteStore } = await import('./sqlite-store.ts');
  return SqliteStore.open(options.folder, policy, options.fsync ?? 'always');
}

function policyOf(options: Partial<StorePolicy>): StorePolicy {
  const { maxMessages, maxBytes, maxAttempts, backoffMs } = DEFAULT_POLICY;
  return {
    maxMessages: options.maxMessages ?? maxMessages,
    maxBytes: options.maxBytes ?? maxBytes,
    maxAttempts: options.maxAttempts ?? maxAttempts,
    backoffMs: options.backoffMs ?? backoffMs,
  };
}
