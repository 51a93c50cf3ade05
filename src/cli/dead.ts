import { messagesOf } from '../queue/paged-peek.ts';
import { adminErrors } from './admin-errors.ts';
import type { AdminFlags } from './admin-flags.ts';
import type { Backend } from './backend.ts';
import { show } from './by-id.ts';
import { print } from './output.ts';
import { say } from './report.ts';

/** `sigmq dead show`; without ids: all. @throws SigmqError no-such-message, after showing those that exist */
export async function deadShow(
  backend: Backend,
  queue: string,
  ids: readonly number[],
  flags: AdminFlags,
): Promise<void> {
  const { some, missing } = await found(backend, queue, ids);
  const all = { ...some, state: 'dead', limit: Number.POSITIVE_INFINITY, maxBody: 0 } as const;
  let shown = 0;
  for await (const { id } of messagesOf(backend, queue, all)) {
    if (shown++ > 0 && !flags.json && !flags.body) print('\n');
    await show(backend, id, flags);
  }
  if (missing.length > 0) throw adminErrors.noSuchMessages(missing, queue);
  if (shown === 0) say(`no dead messages in queue ${queue}.`);
}

/**
 * `sigmq dead kick`; without ids: all.
 * @param to the queue in which they are ready; default: their own
 * @throws SigmqError no-such-message, after kicking those that exist
 */
export async function deadKick(
  backend: Backend,
  queue: string,
  ids: readonly number[],
  to: string | undefined,
): Promise<void> {
  const { some, missing } = await found(backend, queue, ids);
  const kicked = await backend.kick(queue, to === undefined ? some : { ...some, to });
  print(`${kicked} ready ${to === undefined ? 'again' : `in queue ${to}`}\n`);
  if (missing.length > 0) throw adminErrors.noSuchMessages(missing, queue);
}

/** `sigmq dead rm`; otherwise like {@link deadKick}. */
export async function deadRemove(
  backend: Backend,
  queue: string,
  ids: readonly number[],
  isSure: (question: string) => Promise<boolean>,
): Promise<void> {
  const { some, missing } = await found(backend, queue, ids);
  if (some.ids?.length !== 0) {
    const what = some.ids?.join(', ') ?? 'all';
    if (!(await isSure(`Remove ${what} of the dead messages of queue ${queue}?`))) return;
    print(`${await backend.purge(queue, { state: 'dead', ...some })} removed\n`);
  }
  if (missing.length > 0) throw adminErrors.noSuchMessages(missing, queue);
}

interface Found {
  /** What to act on. */
  readonly some: { readonly ids?: readonly number[] };
  /** What was named and does not exist. */
  readonly missing: readonly number[];
}

async function found(backend: Backend, queue: string, ids: readonly number[]): Promise<Found> {
  if (ids.length === 0) return { some: {}, missing: [] };
  const named = [...new Set(ids)];
  const selection = { state: 'dead', ids: named, limit: named.length, maxBody: 0 } as const;
  const there = new Set((await backend.peek(queue, selection)).map(({ id }) => id));
  return {
    some: { ids: named.filter((id) => there.has(id)) },
    missing: named.filter((id) => !there.has(id)),
  };
}
