import type { NewMessage, Outcome, Reserved, Store } from './store.ts';
export type StoreOptions = { readonly kind: 'memory' };
export async function openStore(_: StoreOptions): Promise<Store> { return new Stub(); }
class Stub implements Store {
  #ready: Reserved[] = []; #held = new Map<number, Reserved>(); #id = Date.now();
  async publish(batch: readonly NewMessage[]) { return batch.map((m) => { const id = this.#id++; this.#ready.push({ id, queue: m.queue, body: m.body, headers: m.headers ?? [], attempt: 1, enqueuedAt: Date.now() }); return id; }); }
  async lastSeq() { return undefined; }
  async reserve() { const m = this.#ready.shift(); if (m) this.#held.set(m.id, m); return m; }
  async settle(id: number, o: Outcome) { const m = this.#held.get(id); if (!m) return 'unknown' as const; this.#held.delete(id); if (o.kind !== 'done') this.#ready.unshift({...m, attempt: m.attempt + (o.kind === 'release' ? 0 : 1)}); return 'settled' as const; }
  async reservations() { return []; }
  async nextDue() { return undefined; }
  async counts() { return [{ queue: 'default', ready: this.#ready.length }]; }
  async close() {}
}
