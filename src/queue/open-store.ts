import type { Store } from './store.ts';

export interface StoreOptions {
  readonly kind: 'memory';
  /** Messages in the store; default 1,000,000. */
  readonly maxMessages?: number | undefined;
  /** Bytes of their bodies; default 256 MiB. */
  readonly maxBytes?: number | undefined;
}

/** Opens a store; loads the code of that kind only. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { MemoryStore } = await import('./memory-store.ts');
  return new MemoryStore(options);
}
