export interface NewMessage { readonly queue: string; readonly body: Uint8Array; readonly priority: number; readonly delayMs?: number; readonly ttlMs?: number; readonly headers?: readonly (readonly [string, string])[]; readonly producer?: { readonly process: string; readonly seq: number } }
export interface Reserved { readonly id: number; readonly queue: string; readonly body: Uint8Array; readonly headers: readonly (readonly [string, string])[]; readonly attempt: number; readonly enqueuedAt: number }
export type Outcome = { readonly kind: 'done' | 'failed' | 'release' | 'lost' | 'dead' };
export class StoreFull extends Error {}
export interface Store {
  publish(batch: readonly NewMessage[]): Promise<number[]>;
  lastSeq(process: string): Promise<number | undefined>;
  reserve(queues: readonly string[], consumer: string): Promise<Reserved | undefined>;
  settle(id: number, outcome: Outcome): Promise<'settled' | 'unknown'>;
  reservations(): Promise<{ id: number; consumer: string; attempt: number }[]>;
  nextDue(): Promise<number | undefined>;
  counts(): Promise<{ queue: string; ready: number }[]>;
  close(): Promise<void>;
}
