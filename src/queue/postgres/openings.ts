import { SOURCES } from './sql.ts';
import type { Parts } from './timetable.ts';

/** Others say when they are done with what is limited; what they said may be lost; ms. */
const LOOK_AGAIN_MS = 1000;

/** A queue of which something may be delivered now. */
export interface Opening {
  readonly queue: string;
  /** So many messages, by its rate. */
  readonly most: number;
}

/** Those of the queues whose rates allow another message; of the others, a sweep says when they do. */
export function openings(
  { allowances, clock, timetable }: Pick<Parts, 'allowances' | 'clock' | 'timetable'>,
  queues: readonly string[],
): Opening[] {
  const now = clock.now();
  const all = queues.map((queue) => ({ queue, most: allowances.byRate(queue, now) }));
  for (const { queue, most } of all) if (most < 1) timetable.addOpening(allowances.opensAt(queue));
  return all.filter(({ most }) => most >= 1);
}

/**
 * The server has found nothing that can be taken of these queues. There may be something that waits until others are
 * done: it is looked at again.
 * @param since the version of what is known to be ready, when it was asked
 */
export function nothingIn(
  { ready, settings, timetable, clock }: Pick<Parts, 'ready' | 'settings' | 'timetable' | 'clock'>,
  queues: readonly string[],
  since: number,
): void {
  const isLimited = (queue: string) => settings.queues.of(queue).concurrency !== undefined;
  ready.learn(queues, false, since);
  if (queues.some(isLimited)) timetable.addOpening(clock.now() + LOOK_AGAIN_MS);
}

/**
 * In SQL, where the messages of the queues $1 are, as `name`, each with what its queue allows.
 * @param asked has name, by_rate and concurrency
 */
export function limitedSources(asked: string): string {
  return `(SELECT sources.name AS asked, source AS name, by_rate, concurrency
      FROM ${SOURCES} AS sources JOIN ${asked} USING (name))`;
}

/** In SQL, how many messages of a queue may be taken. @param asked has name, by_rate and concurrency */
export function room(asked: string): string {
  return `CASE WHEN ${asked}.concurrency IS NULL THEN ${asked}.by_rate ELSE least(${asked}.by_rate, ${asked}.concurrency
        - (SELECT count(*) FROM messages WHERE state = 'reserved' AND queue = ${asked}.name)) END`;
}
