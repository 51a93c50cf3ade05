/** Which queues have something ready, as far as is known: so that nobody asks the server for what is not there. */
export class Ready {
  readonly #known = new Map<string, boolean>();
  /** Grows whenever something may have become ready. */
  #version = 0;

  get version(): number {
    return this.#version;
  }

  /** Undefined: nobody knows. */
  get(queue: string): boolean | undefined {
    return this.#known.get(queue);
  }

  /** Something is ready there. */
  add(queues: Iterable<string>): void {
    this.#version++;
    for (const queue of queues) this.#known.set(queue, true);
  }

  /** Anything may be. */
  forget(queues: readonly string[] | 'all'): void {
    this.#version++;
    if (queues === 'all') this.#known.clear();
    else for (const queue of queues) this.#known.delete(queue);
  }

  /** The server has said it. @param since the version when it was asked */
  learn(queues: readonly string[], has: boolean, since: number): void {
    if (since !== this.#version) return;
    for (const queue of queues) this.#known.set(queue, has);
  }
}
