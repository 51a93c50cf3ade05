import { MAX_GROUPS, queueOfGroup } from '../options/groups.ts';
import { storeErrors } from './errors.ts';
import type { NewMessage, Published } from './message.ts';

/** A message as it is stored: once, or once for each group of its queue. */
export interface Copy {
  readonly message: NewMessage;
  /** Where else a message may stand for its key: what waits there is for the same consumers. */
  readonly alsoIn?: string;
  /** Index of the message that it is a copy of. */
  readonly of: number;
}

/** Which of these groups are new, each once. @throws StoreFull a queue would have too many */
export function newGroups(known: Iterable<string>, names: readonly string[]): readonly string[] {
  const all = new QueueGroups(known);
  const added = [...new Set(names)].filter((name) => !all.has(name));
  for (const name of added) {
    all.add(name);
    const queue = queueOfGroup(name);
    if (all.of(queue).length > MAX_GROUPS) throw storeErrors.tooManyGroups(queue, MAX_GROUPS);
  }
  return added;
}

/** Which groups each queue has, by their full names, the oldest first. */
export class QueueGroups {
  readonly #byQueue = new Map<string, string[]>();

  constructor(names: Iterable<string> = []) {
    for (const name of names) this.add(name);
  }

  get names(): string[] {
    return [...this.#byQueue.values()].flat();
  }

  has(name: string): boolean {
    return this.of(queueOfGroup(name)).includes(name);
  }

  /** The groups of a queue; a group has none. */
  of(queue: string): readonly string[] {
    return this.#byQueue.get(queue) ?? [];
  }

  add(name: string): void {
    if (this.has(name)) return;
    const queue = queueOfGroup(name);
    this.#byQueue.set(queue, [...this.of(queue), name]);
  }

  delete(name: string): void {
    const queue = queueOfGroup(name);
    const others = this.of(queue).filter((other) => other !== name);
    if (others.length > 0) this.#byQueue.set(queue, others);
    else this.#byQueue.delete(queue);
  }

  /**
   * Where a consumer of these queues finds its messages. What is in a queue that has groups is for the oldest of them:
   * it was there before the group, or was put there by hand.
   */
  sources(queues: readonly string[]): readonly string[] {
    if (this.#byQueue.size === 0) return queues;
    return queues.flatMap((queue) => {
      if (this.#byQueue.has(queue)) return [];
      const rest = this.#restOf(queue);
      return rest === undefined ? [queue] : [queue, rest];
    });
  }

  /** Of a queue that has groups, its oldest one: it gets what is in it. Of another queue, and of a group: itself. */
  takerOf(queue: string): string {
    return this.of(queue)[0] ?? queue;
  }

  /** What is to be stored of these messages. */
  copies(batch: readonly NewMessage[]): Copy[] {
    return batch.flatMap((message, of): Copy[] => {
      const names = this.of(message.queue);
      if (names.length === 0) return [{ message, of }];
      return names.map((queue) => {
        const alsoIn = this.#restOf(queue);
        return { message: { ...message, queue }, of, ...(alsoIn === undefined ? {} : { alsoIn }) };
      });
    });
  }

  /** Of the oldest group of a queue: that queue. */
  #restOf(name: string): string | undefined {
    const queue = queueOfGroup(name);
    return queue !== name && this.of(queue)[0] === name ? queue : undefined;
  }
}

/**
 * What became of messages, by what became of their copies: a message is a duplicate if it was stored for none of the
 * groups. Its id is that of the first copy that was stored.
 */
export function becameOf(
  count: number,
  copies: readonly Copy[],
  became: readonly Published[],
): Published[] {
  const all: Published[] = new Array(count).fill({ id: null, isDuplicate: true });
  for (const [n, { of }] of copies.entries()) {
    const one = became[n] as Published;
    const known = all[of] as Published;
    if (known.id === null || (known.isDuplicate && !one.isDuplicate)) all[of] = one;
  }
  return all;
}
