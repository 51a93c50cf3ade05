import { durationText } from '../options/durations.ts';
import { sizeText } from '../options/errors.ts';
import type { QueueCounts } from '../queue/inspection.ts';
import type { QueueChange, QueueSettings } from '../queue/queue-settings.ts';
import { adminErrors } from './admin-errors.ts';
import type { AdminFlags } from './admin-flags.ts';
import type { Backend } from './backend.ts';
import { print } from './output.ts';
import { say } from './report.ts';
import { table, titled } from './table.ts';
import { jsonText } from './visible.ts';

/** `sigmq queue set`. @throws SigmqError sets-nothing; what the broker says */
export async function setQueue(
  backend: Backend,
  queue: string,
  change: QueueChange = {},
): Promise<void> {
  if (Object.keys(change).length === 0) throw adminErrors.setsNothing();
  await backend.set(queue, change);
}

/** `sigmq queue unset`; without names: everything. */
export async function unsetQueue(
  backend: Backend,
  queue: string,
  change: QueueChange = {},
): Promise<void> {
  const before = await backend.settings(queue);
  const named = Object.keys(change).length > 0 ? Object.keys(change) : Object.keys(before);
  const known = named.filter((name) => name in before);
  if (known.length === 0) {
    say(`nothing of that was set for queue ${queue}.`);
    return;
  }
  await backend.set(queue, Object.fromEntries(known.map((name) => [name, null])));
}

/** `sigmq queue show`. */
export async function showQueue(
  backend: Backend,
  queue: string,
  { json }: AdminFlags,
): Promise<void> {
  const settings = await backend.settings(queue);
  const lines = linesOf(settings);
  if (json) print(`${jsonText({ queue, ...settings })}\n`);
  else if (lines.length === 0)
    say(`nothing is set for queue ${queue}: it is as the broker has it.`);
  else print(table(lines));
}

/** `sigmq queue ls`. */
export async function listQueues(backend: Backend, { json }: AdminFlags): Promise<void> {
  const counts = (await backend.counts()).filter(({ settings }) => settings);
  if (json) {
    const lines = counts.map(({ queue, settings }) => jsonText({ queue, ...settings }));
    print(lines.map((line) => `${line}\n`).join(''));
  } else if (counts.length === 0) say('nothing is set for any queue.');
  else print(settingsText(counts));
}

/** A table of queues and what is set for each. */
function settingsText(counts: readonly QueueCounts[]): string {
  const rows = counts.map(({ queue, settings }) => [queue, settingsLine(settings)]);
  return titled(table([['QUEUE', 'SETTINGS'], ...rows]));
}

/** A table for many queues, of which the names come last: they may be long. Empty: nothing is set. */
export function allSettingsText(counts: readonly QueueCounts[]): string {
  const rows = counts.flatMap(({ queue, settings = {} }) =>
    linesOf(settings).map(([name, text]) => [name, text, queue]),
  );
  return rows.length > 0 ? titled(table([['SETTING', 'VALUE', 'QUEUE'], ...rows])) : '';
}

/** Written as the options of `sigmq queue set`. */
export function settingsLine(settings: QueueSettings = {}): string {
  return linesOf(settings)
    .map(([name, text]) => `--${name} ${text}`)
    .join(' ');
}

const TEXTS: {
  readonly [Name in keyof Required<QueueSettings>]: readonly [
    flag: string,
    text: (value: NonNullable<QueueSettings[Name]>) => string,
  ];
} = {
  maxAttempts: ['max-attempts', String],
  backoffMs: ['backoff', durationText],
  jitter: ['jitter', String],
  maxMessages: ['max-messages', String],
  maxBytes: ['max-bytes', sizeText],
  deadAgeMs: ['dead-age', durationText],
  deadTo: ['dead-to', String],
  rate: ['rate', String],
  concurrency: ['concurrency', String],
};

function linesOf(settings: QueueSettings): (readonly [name: string, text: string])[] {
  return Object.entries(TEXTS).flatMap(([key, [flag, text]]) => {
    const value = settings[key as keyof QueueSettings];
    return value === undefined
      ? []
      : [[flag, (text as (value: unknown) => string)(value)] as const];
  });
}
