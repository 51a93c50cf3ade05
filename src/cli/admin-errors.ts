import { Exit } from '../errors.ts';
import type { Changed } from '../queue/inspection.ts';
import { CliError } from './errors.ts';

/** Errors of the commands that inspect a broker or a store, or change it. */
export const adminErrors = {
  noSuchMessages: (ids: readonly number[], queue: string) =>
    new CliError(
      'no-such-message',
      Exit.BadData,
      ids.length === 1
        ? `There is no dead message ${ids[0]} in queue ${queue}.`
        : `There are no dead messages ${ids.join(', ')} in queue ${queue}.`,
      'See `sigmq dead ls`, and `--queue`.',
    ),
  /** @param failed what was to be removed, changed or shown, and what it is instead */
  notDone: (failed: readonly (readonly [id: number, why: Changed])[]) => {
    const reasons = [...new Set(failed.map(([, why]) => why))];
    const ids = (why: Changed) => failed.filter(([, is]) => is === why).map(([id]) => id);
    return new CliError(
      'not-done',
      reasons.every((why) => why === 'held') ? Exit.TryAgain : Exit.BadData,
      reasons.map((why) => WHY_NOT[why].message(ids(why))).join(' '),
      reasons.map((why) => WHY_NOT[why].hint).join(' '),
    );
  },
  setsNothing: () =>
    new CliError(
      'sets-nothing',
      Exit.Usage,
      'Nothing says what to set.',
      'Give at least one setting: see `sigmq queue set --help`.',
    ),
  editsNothing: () =>
    new CliError(
      'edits-nothing',
      Exit.Usage,
      'Nothing says what to change.',
      'Give --queue, --priority or --delay.',
    ),
  wentAway: (id: number, queue: string) =>
    new CliError(
      'went-away',
      Exit.BadData,
      `Message ${id} of queue ${queue} was removed before all of it had been read.`,
      'See `sigmq dead ls`.',
    ),
  nothingToCopy: () =>
    new CliError(
      'nothing-to-copy',
      Exit.Unavailable,
      'The broker keeps its messages in memory: there is no file to copy.',
      'Start it without --memory to keep them on disk.',
    ),
  useExport: () =>
    new CliError(
      'use-export',
      Exit.Usage,
      'The messages are in PostgreSQL: there is no file to copy.',
      'Use `sigmq export FILE`, or the means of the database.',
    ),
  inMemory: () =>
    new CliError(
      'in-memory',
      Exit.Unavailable,
      'The running broker keeps its messages in memory, where no other process can read or add any.',
      'Name another store with --data or --store.',
    ),
  noStore: (path: string) =>
    new CliError(
      'no-store',
      Exit.Unavailable,
      `There is no store ${path}, and no broker is running.`,
      'Name its folder with --data, or the runtime directory with --dir.',
    ),
  needsForce: () =>
    new CliError(
      'needs-force',
      Exit.Usage,
      'This removes messages for good, and there is no terminal to ask on.',
      'Give --force.',
    ),
};

const WHY_NOT: Record<Changed, { message(ids: readonly number[]): string; hint: string }> = {
  done: { message: () => '', hint: '' },
  missing: {
    message: (ids) =>
      ids.length === 1
        ? `There is no message ${ids[0]}.`
        : `There are no messages ${ids.join(', ')}.`,
    hint: 'See `sigmq ls` and `sigmq peek`.',
  },
  held: {
    message: (ids) => `${named(ids, 'is', 'are')} with a consumer.`,
    hint: 'Stop the consumer: what it has not settled becomes ready again.',
  },
  dead: {
    message: (ids) => `${named(ids, 'is', 'are')} dead.`,
    hint: 'Bring it back first, with `sigmq dead kick`.',
  },
  duplicate: {
    message: (ids) =>
      `${named(ids, 'has a key', 'have keys')} that the other queue has a message with already.`,
    hint: 'Wait until that one is done.',
  },
  expires: {
    message: (ids) => `${named(ids, 'would expire', 'would expire')} before the delay is over.`,
    hint: 'Give a shorter delay.',
  },
};

function named(ids: readonly number[], one: string, many: string): string {
  return ids.length === 1 ? `Message ${ids[0]} ${one}` : `Messages ${ids.join(', ')} ${many}`;
}
