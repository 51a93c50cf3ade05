import { queueOfGroup } from '../../options/groups.ts';

/**
 * Which queues have something ready, as far as is known: so that nobody asks the server for what is not there. What
 * happens in a queue may concern its groups.
 */
export class Ready {
  readonly #known = new Map<string, boolean>();
  /** The groups among those that are known, by their queues. */
  readonly #groups = new Map<string, Set<string>>();
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
    for (const queue of queues) {
      this.#forgetGroups(queue);
      this.#set(queue, true);
    }
  }

  /** Anything may be. */
  forget(queues: readonly string[] | 'all'): void {
    this.#version++;
    if (queues === 'all') {
      this.#known.clear();
      this.#groups.clear();
      return;
    }
    for (const queue of queues) {
      this.#forgetGroups(queue);
      this.#known.delete(queue);
    }
  }

  /** The server has said it. @param since the version when it was asked */
  learn(queues: readonly string[], has: boolean, since: number): void {
    if (since !== this.#version) return;
    for (const queue of queues) this.#set(queue, has);
  }

  #set(name: string, has: boolean): void {
    this.#known.set(name, has);
    const queue = queueOfGroup(name);
    if (queue === name) return;
    const groups = this.#groups.get(queue) ?? new Set();
    this.#groups.set(queue, groups.add(name));
  }

  #forgetGroups(queue: string): void {
    for (const group of this.#groups.get(queue) ?? []) this.#known.delete(group);
    this.#groups.delete(queue);
  }
}
