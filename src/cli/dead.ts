import type { Backend } from './backend.ts';
import { printBody } from './body.ts';
import { cliErrors } from './errors.ts';
import { print } from './output.ts';

/** `sigmq dead show`: prints the body as it arrives, without keeping it. */
export async function deadShow(backend: Backend, queue: string, id: number): Promise<void> {
  const [message] = await backend.peek(queue, { state: 'dead', ids: [id], maxBody: 0 });
  if (!message) throw cliErrors.noSuchMessages([id], queue);
  await printBody(backend, message);
}

/** `sigmq dead kick`; without ids: all. @throws SigmqError no-such-message, after kicking those that exist */
export async function deadKick(
  backend: Backend,
  queue: string,
  ids: readonly number[],
): Promise<void> {
  const { some, missing } = await found(backend, queue, ids);
  print(`${await backend.kick(queue, some)} ready again\n`);
  if (missing.length > 0) throw cliErrors.noSuchMessages(missing, queue);
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
  if (missing.length > 0) throw cliErrors.noSuchMessages(missing, queue);
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
