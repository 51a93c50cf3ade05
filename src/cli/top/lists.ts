import type { LiveQueue } from './live.ts';
import type { ShownConsumer, Snapshot } from './snapshot.ts';

/** Orders of a list, in the order in which a key goes through them. */
type Orders<T> = Readonly<Record<string, (a: T, b: T) => number>>;

const byText = (a: string, b: string) => (a < b ? -1 : Number(a > b));
const most =
  <T>(of: (item: T) => number | undefined) =>
  (a: T, b: T) =>
    (of(b) ?? 0) - (of(a) ?? 0);

const QUEUE_ORDERS: Orders<LiveQueue> = {
  name: (a, b) => byText(a.queue, b.queue),
  ready: most(({ ready }) => ready),
  in: most(({ rates }) => rates.accepted),
  done: most(({ rates }) => rates.done),
  dead: most(({ dead }) => dead),
};

const CONSUMER_ORDERS: Orders<ShownConsumer> = {
  registration: () => 0,
  since: most(({ heldMs }) => heldMs),
  holds: most(({ holding }) => holding),
  queues: (a, b) => byText(a.queues.join(), b.queues.join()),
};

export const ORDERS = {
  queues: Object.keys(QUEUE_ORDERS),
  consumers: Object.keys(CONSUMER_ORDERS),
} as const;

export type List = keyof typeof ORDERS;

export interface Sorting {
  readonly by: string;
  readonly isReversed: boolean;
}

/** How the lists are wanted. */
export interface Wanted {
  readonly sorting: Readonly<Record<List, Sorting>>;
  /** Part of a name, a PID or a command. */
  readonly filter: string;
}

/** The lists as they are wanted. */
export interface Lists {
  readonly queues: readonly LiveQueue[];
  readonly consumers: readonly ShownConsumer[];
}

export function listsOf(snapshot: Snapshot, { sorting, filter }: Wanted): Lists {
  const wanted = filter.toLowerCase();
  const fits = (...texts: (string | number)[]) =>
    texts.some((text) => String(text).toLowerCase().includes(wanted));
  const queues = snapshot.queues.filter(({ queue }) => fits(queue));
  const consumers = snapshot.consumers.filter(({ pid, queues, command }) =>
    fits(pid, command, ...queues),
  );
  // What is equal stays in the order of names, or of registration.
  const named = sorted(queues, QUEUE_ORDERS, { by: 'name', isReversed: false });
  return {
    queues: sorted(named, QUEUE_ORDERS, sorting.queues),
    consumers: sorted(consumers, CONSUMER_ORDERS, sorting.consumers),
  };
}

function sorted<T>(items: readonly T[], orders: Orders<T>, { by, isReversed }: Sorting): T[] {
  const all = [...items].sort(orders[by]);
  return isReversed ? all.reverse() : all;
}
