import { drainText } from '../broker/drain-state.ts';
import type { EngineStatus } from '../queue/engine-status.ts';
import type { QueueCounts } from '../queue/inspection.ts';
import type { BrokerStatus, Counts, QueueStatus } from '../status.ts';
import { ageText } from './age.ts';
import { allSettingsText } from './queue-settings.ts';
import { table, titled } from './table.ts';
import { oneLine } from './visible.ts';

/** The width of a terminal that nobody has widened. */
const TERMINAL_COLUMNS = 80;
/** The width of a line's name. */
const INDENT = 11;

/** What `sigmq status` shows: no line is longer than 80 columns, unless something in it has a long name. */
export function statusText(status: BrokerStatus, queues: readonly QueueStatus[]): string {
  const tables = [
    ...[queuesText(queues), allSettingsText(queues)],
    ...[...countedTexts(status, queues), consumersText(status)],
  ];
  return `${brokerLines(status).join('\n')}\n\n${tables.filter(Boolean).join('\n')}`;
}

/** @param more what is to be said of each, in a last column */
export function queuesText(
  counts: readonly (QueueCounts & Partial<QueueStatus>)[],
  more?: (settings: QueueCounts['settings']) => string,
): string {
  const hasAges = counts.some(({ oldestReadyMs }) => oldestReadyMs !== undefined);
  const rows = counts.map(({ queue, ready, delayed, reserved, dead, paused, ...rest }) => [
    ...[queue, ready, delayed, reserved, dead],
    ...(hasAges
      ? [typeof rest.oldestReadyMs === 'number' ? ageText(rest.oldestReadyMs) : '-']
      : []),
    paused ? 'paused' : '',
    ...(more ? [more(rest.settings)] : []),
  ]);
  const title = ['QUEUE', 'READY', 'DELAYED', 'RESERVED', 'DEAD', ...(hasAges ? ['OLDEST'] : [])];
  return titled(table([[...title, '', ...(more ? ['SETTINGS'] : [])], ...rows]));
}

function brokerLines(status: BrokerStatus): string[] {
  const { pid, version, dir, store, engine, uptimeMs, drain, plainBecause, since } = status;
  const seconds = Math.max(uptimeMs / 1000, 1);
  const rate = (count: number) => `${count} (${(count / seconds).toFixed(1)}/s)`;
  const refused = Object.entries(status.refused).map(([reason, count]) => `${reason} ${count}`);
  const drainsFor = drain ? drainText(drain) : 'the broker stops';
  return [
    line('broker', `${pid}, version ${version}, up ${ageText(uptimeMs)}`),
    line('directory', dir),
    line('messages', store),
    ...(engine ? engineLines(engine) : []),
    ...(status.draining ? [line('draining', drainsFor)] : []),
    ...(plainBecause === null ? [] : [line('plain', plainBecause)]),
    // A broker of an earlier version says nothing of it.
    ...(status.agingMs == null
      ? []
      : [line('aging', `a priority for each ${ageText(status.agingMs)}`)]),
    line('since', since),
    line('accepted', rate(status.accepted)),
    line('delivered', `${rate(status.delivered)}, retried ${status.retried}`),
    line('done', rate(status.done)),
    line('not done', `failed ${status.failed}, released ${status.released}, lost ${status.lost}`),
    line(
      'given up',
      `expired ${status.expired}, dead ${status.dead}, dropped ${status.dropped ?? 0}`,
    ),
    line('refused', refused.length > 0 ? refused.join(', ') : '0'),
    line('consumers', `lost ${status.lostConsumers}`),
    ...repliesLine(status),
    ...linkLines(status),
  ];
}

/** An older broker does not tell. */
function linkLines({ link, resends, repeats }: BrokerStatus): string[] {
  if (!link) return [];
  const { bitsSent, bitsReceived, foreignSignals, busWaits } = link;
  const waits = busWaits.counts.reduce((sum, count) => sum + count, 0);
  const meanMs = (busWaits.sum * 1000) / Math.max(waits, 1);
  return [
    line('bits', `sent ${bitsSent}, received ${bitsReceived}, foreign signals ${foreignSignals}`),
    line('frames', `sent again ${resends}, come again ${repeats}`),
    line('bus', `waited ${waits} times, ${meanMs.toFixed(1)} ms each`),
  ];
}

/** An earlier broker counts none. */
function repliesLine({ replies = { sent: 0, dropped: 0 } }: Partial<BrokerStatus>): string[] {
  const { sent, dropped } = replies;
  return sent + dropped === 0 ? [] : [line('replies', `sent ${sent}, dropped ${dropped}`)];
}

function engineLines({
  name,
  error,
  version,
  latencyMs,
  warnings,
  brokers,
}: EngineStatus): string[] {
  if (error !== null) return [line('store', error)];
  return [
    line('store', `${name} ${version}, answers in ${latencyMs} ms`),
    ...warnings.map((warning) => line('warning', warning)),
    ...brokers.map(({ host, dir, lastSeen, draining, ...other }) =>
      line(
        'other',
        `${host}:${dir}, version ${other.version}, seen ${lastSeen}${draining ? ', draining' : ''}`,
      ),
    ),
  ];
}

/** Wrapped between words. */
function line(name: string, text: string): string {
  const lines = [''];
  for (const word of oneLine(text).split(' ')) {
    const last = lines.pop() ?? '';
    const longer = last === '' ? word : `${last} ${word}`;
    const fits = last === '' || longer.length <= TERMINAL_COLUMNS - INDENT;
    lines.push(...(fits ? [longer] : [last, word]));
  }
  return name.padEnd(INDENT) + lines.join(`\n${' '.repeat(INDENT)}`);
}

/** What went well, and what did not: together they are too wide. */
const GROUPS = [
  ['accepted', 'delivered', 'retried', 'done'],
  ['failed', 'released', 'lost', 'expired', 'dead', 'dropped'],
] as const satisfies (keyof Counts)[][];

/** The names come last: they may be long. Queues about which there is nothing to say are left out. */
function countedTexts({ others }: BrokerStatus, queues: readonly QueueStatus[]): string[] {
  const named: readonly [string, Counts | null][] = [
    ...queues.map(({ queue, counted }): [string, Counts | null] => [queue, counted]),
    ['(other queues)', others],
  ];
  return GROUPS.map((group: readonly (keyof Counts)[]) => {
    const rows = named.flatMap(([name, counted]) =>
      counted && group.some((kind) => counted[kind] > 0)
        ? [[...group.map((kind) => counted[kind] ?? 0), name]] // an earlier broker counts fewer kinds
        : [],
    );
    const title = [...group.map((kind) => kind.toUpperCase()), 'QUEUE'];
    return rows.length > 0 ? titled(table([title, ...rows])) : '';
  });
}

function consumersText({ consumers }: BrokerStatus): string {
  const rows = consumers.map(({ pid, kind, queues, weights, jobs, holding }) => [
    ...[pid, kind, jobs, holding],
    queues.map((queue, n) => (weights ? `${queue}:${weights[n]}` : queue)).join(','),
  ]);
  return titled(table([['CONSUMER', 'KIND', 'JOBS', 'HOLDS', 'QUEUES'], ...rows]));
}
