import { padded } from '../screen/cells.ts';
import { oneLine } from '../visible.ts';
import type { Sorting } from './lists.ts';
import type { LiveQueue } from './live.ts';
import { age, type Glyphs, short, sparkline } from './numbers.ts';
import type { ShownConsumer } from './snapshot.ts';

/** Rows in columns. */
export interface Table {
  readonly title: string;
  readonly rows: readonly string[];
  /** What is said when there are none. */
  readonly empty: string;
}

interface Column<T> {
  readonly name: string;
  /** The order that goes by it. */
  readonly order?: string;
  readonly width: number;
  readonly isNumber?: boolean;
  readonly of: (item: T) => string;
}

/** Before each row there is room for a mark. */
const MARGIN = 2;
const MIN_NAME = 10;
const MAX_SPARK = 60;
/** Of the column by which a list is sorted, and of the opposite order. */
const MARKS = { unicode: '▼▲', ascii: 'v^' };

export function queuesTable(
  queues: readonly LiveQueue[],
  sorting: Sorting,
  columns: number,
  glyphs: Glyphs,
): Table {
  const number = (name: string, of: (queue: LiveQueue) => string, order?: string) => {
    return { name, width: 7, isNumber: true, of, ...(order && { order }) };
  };
  const numbers: Column<LiveQueue>[] = [
    number('READY', ({ ready }) => short(ready), 'ready'),
    number('DELAYED', ({ delayed }) => short(delayed)),
    number('HELD', ({ reserved }) => short(reserved)),
    number('DEAD', ({ dead }) => short(dead), 'dead'),
    number('IN/s', ({ rates }) => short(rates.accepted), 'in'),
    number('DONE/s', ({ rates }) => short(rates.done), 'done'),
    number('FAIL/s', ({ rates }) => short(rates.failed)),
  ];
  const taken = MARGIN + numbers.reduce((sum, { width }) => sum + width + 1, 0);
  const room = Math.max(MIN_NAME, columns - taken);
  const longest = Math.max(5, ...queues.map((queue) => nameOf(queue).length));
  const name = Math.max(MIN_NAME, Math.min(longest, room - 7));
  const spark = Math.min(MAX_SPARK, room - name - 1);
  const all: Column<LiveQueue>[] = [
    { name: 'QUEUE', order: 'name', width: name, of: nameOf },
    ...numbers,
    { name: '', width: spark, of: ({ history }) => sparkline(history, spark, glyphs) },
  ];
  return { ...tableOf(all, queues, sorting, glyphs), empty: 'no queues yet' };
}

/** What it is called, and whether it is paused. */
function nameOf({ queue, paused }: LiveQueue): string {
  return paused ? `${queue} (paused)` : queue;
}

export function consumersTable(
  consumers: readonly ShownConsumer[],
  sorting: Sorting,
  columns: number,
  glyphs: Glyphs,
): Table {
  const fixed: Column<ShownConsumer>[] = [
    { name: 'PID', width: 8, order: 'registration', of: ({ pid }) => String(pid) },
    { name: 'QUEUES', width: 12, order: 'queues', of: ({ queues }) => queues.join() },
    {
      ...{ name: 'HOLDS', width: 6, order: 'holds', isNumber: true },
      of: ({ holding }) => String(holding),
    },
    { name: 'MESSAGE', width: 14, of: messageText },
    { name: 'SINCE', width: 8, order: 'since', isNumber: true, of: sinceText },
  ];
  const taken = MARGIN + fixed.reduce((sum, { width }) => sum + width + 1, 0);
  const command = {
    ...{ name: 'COMMAND', width: Math.max(MIN_NAME, columns - taken) },
    of: ({ command, isStopped }: ShownConsumer) => (isStopped ? `(stopped) ${command}` : command),
  };
  return { ...tableOf([...fixed, command], consumers, sorting, glyphs), empty: 'no consumers' };
}

/** The first one that it has. */
function messageText({ id, queue, queues }: ShownConsumer): string {
  if (id === 0) return '-';
  return queues.length > 1 ? `${id} ${queue}` : String(id);
}

function sinceText({ id, heldMs }: ShownConsumer): string {
  return id === 0 ? '-' : age(heldMs);
}

function tableOf<T>(
  columns: readonly Column<T>[],
  items: readonly T[],
  { by, isReversed }: Sorting,
  glyphs: Glyphs,
): Omit<Table, 'empty'> {
  const cell = ({ width, isNumber }: Column<T>, text: string) =>
    isNumber ? text.padStart(width) : padded(text, width);
  const mark = MARKS[glyphs][isReversed ? 1 : 0];
  const named = (column: Column<T>) => {
    const isSorted = column.order === by;
    return cell(column, isSorted ? `${mark}${column.name}` : column.name);
  };
  return {
    title: columns.map(named).join(' ').trimEnd(),
    // A command line may have anything in it.
    rows: items.map((item) =>
      columns.map((column) => cell(column, oneLine(column.of(item)))).join(' '),
    ),
  };
}
