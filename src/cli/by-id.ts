import { durationText } from '../options/durations.ts';
import type { Changed, Edit, Stored } from '../queue/inspection.ts';
import { wholeOf } from '../queue/paged-peek.ts';
import { adminErrors } from './admin-errors.ts';
import type { AdminFlags } from './admin-flags.ts';
import { ageText } from './age.ts';
import type { Backend } from './backend.ts';
import { printBody } from './body.ts';
import { failureLines } from './failures-text.ts';
import { messageLine } from './messages-text.ts';
import { print } from './output.ts';
import { visible } from './visible.ts';

/** The width of a line's name. */
const INDENT = 10;

/** `sigmq show`. @throws SigmqError no-such-message, went-away */
export async function show(
  backend: Backend,
  id: number,
  { json, body }: AdminFlags,
): Promise<void> {
  const message = await backend.find(id, { maxBody: 0 });
  if (!message) throw adminErrors.notDone([[id, 'missing']]);
  if (json) {
    const whole = await wholeOf(backend, message.queue, message, {});
    if (!whole) throw adminErrors.wentAway(id, message.queue);
    print(messageLine(whole));
    return;
  }
  if (!body) print(`${visible(linesOf(message).join('\n'))}\n\n`);
  await printBody(backend, message);
  if (!body && !process.stdout.isTTY) print('\n');
}

/** `sigmq rm`. @throws SigmqError not-done, after removing all others */
export async function remove(backend: Backend, ids: readonly number[]): Promise<void> {
  const named = [...new Set(ids)];
  finish('removed', named, await backend.remove(named));
}

/** `sigmq edit`. @throws SigmqError not-done, after changing all others */
export async function edit(backend: Backend, ids: readonly number[], how: Edit): Promise<void> {
  if (Object.values(how).every((value) => value === undefined)) throw adminErrors.editsNothing();
  const named = [...new Set(ids)];
  finish('changed', named, await backend.edit(named, how));
}

function finish(done: string, ids: readonly number[], became: readonly Changed[]): void {
  const results = ids.map((id, n) => [id, became[n] ?? 'missing'] as const);
  const failed = results.filter(([, result]) => result !== 'done');
  print(`${ids.length - failed.length} ${done}\n`);
  if (failed.length > 0) throw adminErrors.notDone(failed);
}

function linesOf({ id, queue, state, priority, dueAt, enqueuedAt, ...message }: Stored): string[] {
  const { maxAttempts, backoffMs, deadTo, diedAt, failures = [] } = message;
  const now = Date.now();
  const due = dueAt === undefined ? '' : `, due in ${ageText(Math.max(0, dueAt - now))}`;
  const sent = momentText(enqueuedAt, now);
  const { attempt, releases, bytes, headers } = message;
  return [
    line('message', `${id} in queue ${queue}`),
    line('state', `${state}${due}`),
    ...(message.key === undefined ? [] : [line('key', message.key)]),
    line('priority', priority),
    line('attempts', maxAttempts === undefined ? attempt - 1 : `${attempt - 1} of ${maxAttempts}`),
    ...(backoffMs === undefined ? [] : [line('backoff', durationText(backoffMs))]),
    ...(deadTo === undefined ? [] : [line('dead to', deadTo)]),
    ...(releases > 0 ? [line('releases', releases)] : []),
    line('accepted', sent),
    ...(diedAt === undefined ? [] : [line('dead', momentText(diedAt, now))]),
    line('size', `${bytes} bytes`),
    ...headers.map(([name, value]) => line('header', `${name}: ${value}`)),
    ...failures.map((failure) =>
      line('failure', failureLines(failure).join(`\n${' '.repeat(INDENT)}`)),
    ),
  ];
}

function momentText(at: number, now: number): string {
  return `${new Date(at).toISOString()}, ${ageText(Math.max(0, now - at))} ago`;
}

function line(name: string, value: string | number): string {
  return name.padEnd(INDENT) + value;
}
