import { randomInt } from 'node:crypto';

/** Takes six bytes in a frame; no two openings in the life of a store have the same number. */
const MAX_INCARNATION = 2 ** 40;

/** See {@link Store.incarnation}. */
export function drawIncarnation(): number {
  return randomInt(1, MAX_INCARNATION);
}
