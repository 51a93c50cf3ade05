import { type List, type Lists, ORDERS, type Wanted } from './lists.ts';

/** A text that is shown in place of the lists. */
export interface Page {
  readonly title: string;
  readonly lines: readonly string[];
  /** The first line that is shown. */
  readonly from: number;
}

/** What keys have made of the picture. */
export interface State extends Wanted {
  readonly focus: List;
  /** Keys of the rows that are chosen, and where they were. */
  readonly chosen: Readonly<
    Record<List, { readonly key: string | undefined; readonly at: number }>
  >;
  /** Whether a filter is being typed, or a question answered. */
  readonly asks: 'filter' | 'kick' | undefined;
  readonly page: Page | undefined;
  /** What became of the last thing that was asked for. */
  readonly notice: string;
}

/** What a key asks for besides another picture. */
export type Action =
  | { readonly kind: 'quit' }
  | { readonly kind: 'pause'; readonly queue: string; readonly paused: boolean }
  | { readonly kind: 'kick'; readonly queue: string }
  | { readonly kind: 'peek'; readonly queue: string }
  | { readonly kind: 'show'; readonly pid: number; readonly id: number };

export const FIRST: State = {
  focus: 'queues',
  chosen: { queues: { key: undefined, at: 0 }, consumers: { key: undefined, at: 0 } },
  sorting: {
    queues: { by: 'name', isReversed: false },
    consumers: { by: 'registration', isReversed: false },
  },
  ...{ filter: '', asks: undefined, page: undefined, notice: '' },
};

/** Rows that a page key goes. */
const PAGE_ROWS = 10;
const STEPS: Readonly<Record<string, number>> = {
  ...{ up: -1, down: 1, pageup: -PAGE_ROWS, pagedown: PAGE_ROWS },
  ...{ home: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY },
};
/** No name of a queue is longer. */
const MAX_FILTER = 64;

const HELP: Page = {
  title: 'Keys',
  lines: [
    'up, down, page up, page down, home, end   choose a row',
    'tab          the other list: queues, consumers',
    'enter        a queue: look at its messages; a consumer: look at what it has',
    'p            pause the queue: nothing is delivered from it',
    'r            resume it',
    'k            kick: make its dead messages ready again',
    's, S         sort by the next column; in the opposite order',
    '/            show only what contains a text; Esc: show everything',
    'q, Ctrl-C    quit',
  ],
  from: 0,
};

/** The place of the chosen row; what has gone is replaced by what is in its place now. */
export function placeOf({ chosen }: State, list: List, lists: Lists): number {
  const keys = keysOf(lists, list);
  const { key, at } = chosen[list];
  const known = key === undefined ? -1 : keys.indexOf(key);
  return known === -1 ? Math.max(0, Math.min(at, keys.length - 1)) : known;
}

function keysOf(lists: Lists, list: List): string[] {
  return list === 'queues'
    ? lists.queues.map(({ queue }) => queue)
    : lists.consumers.map(({ pid }) => String(pid));
}

/** What a key makes of it. @param lists as they are shown */
export function onKey(state: State, key: string, lists: Lists): [State, Action?] {
  if (state.asks === 'filter') return [typed(state, key)];
  if (state.asks === 'kick') return answered({ ...state, notice: '' }, key, lists);
  if (state.page) return [paged(state, state.page, key)];
  return commanded({ ...state, notice: '' }, key, lists);
}

function commanded(state: State, key: string, lists: Lists): [State, Action?] {
  const { focus, sorting } = state;
  const step = STEPS[key];
  if (step !== undefined) return [moved(state, step, lists)];
  const queue = lists.queues[placeOf(state, 'queues', lists)];
  switch (key) {
    case 'q':
      return [state, { kind: 'quit' }];
    case 'tab':
      return [{ ...state, focus: focus === 'queues' ? 'consumers' : 'queues' }];
    case 's': {
      const orders = ORDERS[focus];
      const by = orders[(orders.indexOf(sorting[focus].by) + 1) % orders.length] as string;
      return [withSorting(state, { by, isReversed: false })];
    }
    case 'S':
      return [withSorting(state, { ...sorting[focus], isReversed: !sorting[focus].isReversed })];
    case '/':
      return [{ ...state, asks: 'filter' }];
    case 'escape':
      return [{ ...state, filter: '' }];
    case '?':
    case 'h':
      return [{ ...state, page: HELP }];
    case 'enter':
      return entered(state, lists);
    case 'p':
    case 'r':
      if (focus !== 'queues' || !queue) return [{ ...state, notice: 'Choose a queue first.' }];
      return [state, { kind: 'pause', queue: queue.queue, paused: key === 'p' }];
    case 'k':
      if (focus !== 'queues' || !queue) return [{ ...state, notice: 'Choose a queue first.' }];
      if (queue.dead === 0) return [{ ...state, notice: `${queue.queue} has no dead messages.` }];
      return [{ ...chosenAt(state, placeOf(state, 'queues', lists), lists), asks: 'kick' }];
    default:
      return [state];
  }
}

function entered(state: State, lists: Lists): [State, Action?] {
  const place = placeOf(state, state.focus, lists);
  const queue = lists.queues[place];
  const consumer = lists.consumers[place];
  if (state.focus === 'queues' && queue) return [state, { kind: 'peek', queue: queue.queue }];
  if (state.focus === 'queues' || !consumer) return [state];
  return [state, { kind: 'show', pid: consumer.pid, id: consumer.id }];
}

function moved(state: State, step: number, lists: Lists): State {
  const last = keysOf(lists, state.focus).length - 1;
  const place = placeOf(state, state.focus, lists) + step;
  return chosenAt(state, Math.max(0, Math.min(place, last)), lists);
}

function chosenAt(state: State, at: number, lists: Lists): State {
  const key = keysOf(lists, state.focus)[at];
  return { ...state, chosen: { ...state.chosen, [state.focus]: { key, at } } };
}

function withSorting(state: State, sorting: State['sorting'][List]): State {
  return { ...state, sorting: { ...state.sorting, [state.focus]: sorting } };
}

/** The question names the queue that was chosen when it was asked. */
function answered(state: State, key: string, lists: Lists): [State, Action?] {
  const closed = { ...state, asks: undefined };
  const { key: queue } = state.chosen.queues;
  const isThere = lists.queues.some((one) => one.queue === queue);
  if (key !== 'y' || queue === undefined || !isThere) {
    return [{ ...closed, notice: 'Nothing was kicked.' }];
  }
  return [closed, { kind: 'kick', queue }];
}

function typed(state: State, key: string): State {
  const { filter } = state;
  if (key === 'enter') return { ...state, asks: undefined };
  if (key === 'escape') return { ...state, asks: undefined, filter: '' };
  if (key === 'backspace') return { ...state, filter: [...filter].slice(0, -1).join('') };
  const character = key === 'space' ? ' ' : key;
  if ([...character].length !== 1 || filter.length >= MAX_FILTER) return state;
  return { ...state, filter: filter + character };
}

function paged(state: State, page: Page, key: string): State {
  const step = STEPS[key];
  if (step === undefined) {
    return key === 'q' || key === 'escape' || key === 'enter'
      ? { ...state, page: undefined }
      : state;
  }
  const from = Math.max(0, Math.min(page.from + step, page.lines.length - 1));
  return { ...state, page: { ...page, from } };
}
