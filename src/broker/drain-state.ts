import type { QueueCounts } from '../queue/inspection.ts';
import type { DrainState } from '../status.ts';

/** Queues and consumers that a sentence lists by name; beyond that it gives their number. */
const MAX_NAMED = 10;

/** @param delayedUntil ms since 1970 */
export function drainState(
  counts: readonly QueueCounts[],
  delayedUntil: number | undefined,
  rest: Pick<DrainState, 'heldBy' | 'waitsForPaused' | 'keepsMessages'>,
): DrainState {
  const paused = counts.filter(({ paused, ready, delayed }) => paused && ready + delayed > 0);
  const waited = rest.waitsForPaused ? counts : counts.filter(({ paused }) => !paused);
  const delayed = sum(waited, 'delayed');
  return {
    ready: sum(waited, 'ready'),
    delayed,
    reserved: sum(counts, 'reserved'),
    delayedUntil:
      delayed > 0 && delayedUntil !== undefined ? new Date(delayedUntil).toISOString() : null,
    pausedQueues: paused.map(({ queue }) => queue),
    inPausedQueues: sum(paused, 'ready') + sum(paused, 'delayed'),
    dead: sum(counts, 'dead'),
    ...rest,
  };
}

export function isDrained({ ready, delayed, reserved }: DrainState): boolean {
  return ready + delayed + reserved === 0;
}

/** For people: what the broker waits for, and what stays. */
export function drainText(state: DrainState): string {
  const { ready, delayed, delayedUntil, reserved, heldBy } = state;
  const by = heldBy.length > 0 ? ` (by ${named(heldBy)})` : '';
  const until = delayedUntil === null ? '' : ` (until ${delayedUntil})`;
  const parts = [
    ready > 0 ? `${ready} ready` : '',
    delayed > 0 ? `${delayed} delayed${until}` : '',
    reserved > 0 ? `${reserved} reserved${by}` : '',
  ].filter((part) => part !== '');
  const waits = parts.length > 0 ? `waits for ${parts.join(', ')}` : 'waits for nothing';
  return [waits, pausedText(state), deadText(state)].filter((part) => part !== '').join('; ');
}

function pausedText({
  pausedQueues,
  inPausedQueues,
  waitsForPaused,
  keepsMessages,
}: DrainState): string {
  if (inPausedQueues === 0) return '';
  const queues = `paused queue${pausedQueues.length > 1 ? 's' : ''} ${named(pausedQueues)}`;
  if (!waitsForPaused) return `${inPausedQueues} in ${queues} stay in the store`;
  const why = keepsMessages ? '' : ', where they would be lost with the memory';
  return `${inPausedQueues} of them are in ${queues}${why}: resume or purge`;
}

function deadText({ dead, keepsMessages }: DrainState): string {
  return dead > 0 && !keepsMessages ? `${dead} dead will be lost with the memory` : '';
}

function named(names: readonly (string | number)[]): string {
  const more = names.length - MAX_NAMED;
  const text = names.slice(0, MAX_NAMED).join(', ');
  return more > 0 ? `${text} and ${more} more` : text;
}

function sum(counts: readonly QueueCounts[], state: 'ready' | 'delayed' | 'reserved' | 'dead') {
  return counts.reduce((total, count) => total + count[state], 0);
}
