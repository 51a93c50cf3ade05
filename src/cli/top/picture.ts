import chalk from 'chalk';
import { ageText } from '../age.ts';
import { cut } from '../screen/cells.ts';
import type { Size } from '../screen/screen.ts';
import { oneLine, visible } from '../visible.ts';
import { type List, type Lists, listsOf } from './lists.ts';
import { type Glyphs, short, sparkline } from './numbers.ts';
import { holderText, type Snapshot, sumsOf } from './snapshot.ts';
import { type Page, placeOf, type State } from './state.ts';
import { consumersTable, queuesTable, type Table } from './tables.ts';

/** Of the values in the lines at the top. */
const SPARK_COLUMNS = 12;
const KEYS = 'q quit  ? keys  tab next  s sort  / find  p pause  r resume  k kick  enter peek';

/** The whole picture. @param size Infinity rows: everything */
export function picture(snapshot: Snapshot, state: State, size: Size, glyphs: Glyphs): string[] {
  const { columns, rows } = size;
  const top = headLines(snapshot, glyphs);
  const bottom = rows === Number.POSITIVE_INFINITY ? [] : [bottomLine(snapshot, state)];
  const left = rows - top.length - bottom.length;
  const middle = state.page
    ? pageLines(state.page, left)
    : tableLines(listsOf(snapshot, state), state, { columns, rows: left }, glyphs);
  const filler = Number.isFinite(left) ? Math.max(0, left - middle.length) : 0;
  const lines = [
    ...top,
    ...middle.slice(0, Math.max(0, left)),
    ...Array(filler).fill(''),
    ...bottom,
  ];
  return lines.map((line) => cut(line, columns));
}

function headLines(snapshot: Snapshot, glyphs: Glyphs): string[] {
  const { pid, dir, upMs, isDraining, queues, bits, bus } = snapshot;
  const { ready, delayed, reserved, dead, accepted, done, failed, history } = sumsOf(queues);
  const who = pid === undefined ? 'no broker' : `broker ${pid}, up ${ageText(upMs)}`;
  const spark = (values: readonly number[]) => sparkline(values, SPARK_COLUMNS, glyphs);
  const deadText = dead > 0 ? chalk.red(`${short(dead)} dead`) : '0 dead';
  const states = `${short(ready)} ready, ${short(delayed)} delayed, ${short(reserved)} held`;
  return [
    `${chalk.bold('sigmq')}  ${who}${isDraining ? chalk.yellow(', draining') : ''}  ${oneLine(dir)}`,
    `messages  in ${short(accepted)}/s  done ${short(done)}/s ${spark(history)}  failed ${short(failed)}/s`,
    `          ${states}, ${deadText}`,
    bits
      ? `bus       ${short(bits.perSecond)} bits/s ${spark(bits.history)}  ${busText(snapshot)}`
      : 'bus       none: the broker serves only plain peers',
    ...(bus.waiting > 0 ? [`          ${bus.waiting} waiting for it`] : ['']),
  ];
}

function busText(snapshot: Snapshot): string {
  const { busy, holder } = snapshot.bus;
  if (busy === undefined) return '';
  if (holder === undefined) return 'free';
  const percent = Math.max(1, Math.round(busy * 100));
  return `held ${percent} %, most by ${holderText(snapshot, holder)}`;
}

/** There may be others. */
const NONE_FOUND = 'none contains what is looked for';

/** Both lists, each with as much room as it needs, or half of it. */
function tableLines(lists: Lists, state: State, { columns, rows }: Size, glyphs: Glyphs): string[] {
  const tables = {
    queues: queuesTable(lists.queues, state.sorting.queues, columns, glyphs),
    consumers: consumersTable(lists.consumers, state.sorting.consumers, columns, glyphs),
  };
  // The titles, and the line between the lists.
  const room = Math.max(2, rows - 3);
  const half = Math.floor(room / 2);
  const needs = { queues: lists.queues.length, consumers: lists.consumers.length };
  const queueRows = Math.min(needs.queues, Math.max(half, room - needs.consumers));
  const roomOf = { queues: queueRows, consumers: room - queueRows };
  const shown = (list: List) => {
    // There is nothing to choose where everything is shown.
    const isChosen = state.focus === list && Number.isFinite(rows);
    const table = state.filter === '' ? tables[list] : { ...tables[list], empty: NONE_FOUND };
    return rowsOf(table, placeOf(state, list, lists), isChosen, roomOf[list]);
  };
  return [...shown('queues'), '', ...shown('consumers')];
}

function rowsOf(
  { title, rows, empty }: Table,
  place: number,
  isChosen: boolean,
  room: number,
): string[] {
  if (rows.length === 0) return [chalk.bold(`  ${title}`), chalk.dim(`  ${empty}`)];
  // What is chosen is in sight.
  const from = Math.max(0, Math.min(place - Math.floor(room / 2), rows.length - room));
  const shown = rows
    .slice(from, from + Math.max(1, room))
    .map((row, n) => (isChosen && from + n === place ? chalk.inverse(`> ${row}`) : `  ${row}`));
  return [chalk.bold(`  ${title}`), ...shown];
}

function pageLines({ title, lines, from }: Page, rows: number): string[] {
  return [chalk.bold(title), ...lines.slice(from, from + Math.max(1, rows - 1))];
}

function bottomLine({ trouble }: Snapshot, { asks, filter, page, chosen, notice }: State): string {
  if (asks === 'filter')
    return `show only: ${visible(filter)}_   enter keeps it, esc shows everything`;
  if (asks === 'kick') return `Make the dead messages of ${chosen.queues.key} ready again? y/n`;
  if (trouble !== undefined) return chalk.yellow(oneLine(trouble));
  if (notice !== '') return oneLine(notice);
  if (page) return 'up, down: scroll   esc: back';
  return filter === '' ? chalk.dim(KEYS) : `only: ${visible(filter)}   esc shows everything`;
}
