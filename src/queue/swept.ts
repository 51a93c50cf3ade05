import type { Dropped } from './store.ts';

/** What sweeps have done, until somebody asks. */
export class Swept {
  /** By queue, since it was last asked for. */
  #expired = new Map<string, number>();
  #dropped: Dropped[] = [];
  /** Something became ready, whichever operation found it due. */
  #becameReady = false;

  get becameReady(): boolean {
    return this.#becameReady;
  }

  ready(): void {
    this.#becameReady = true;
  }

  expired(queue: string): void {
    this.#expired.set(queue, (this.#expired.get(queue) ?? 0) + 1);
  }

  /** These dead messages were removed. */
  dropped(queues: Iterable<string>, why: Dropped['why']): void {
    const counts = new Map<string, number>();
    for (const queue of queues) counts.set(queue, (counts.get(queue) ?? 0) + 1);
    for (const [queue, messages] of counts) this.#dropped.push({ queue, why, messages });
  }

  /** Which dead messages were removed since the last call. */
  takeDropped(): readonly Dropped[] {
    const dropped = this.#dropped;
    this.#dropped = [];
    return dropped;
  }

  /** How many messages expired since the last call, by queue. */
  takeExpired(): ReadonlyMap<string, number> {
    const expired = this.#expired;
    this.#expired = new Map();
    return expired;
  }

  /** Whether something became ready since the last call. */
  takeReady(): boolean {
    const became = this.#becameReady;
    this.#becameReady = false;
    return became;
  }
}
