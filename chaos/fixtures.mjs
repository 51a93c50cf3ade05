// What consumers may have written, for the tests of the ledgers.
import { messageOf } from './message.mjs';
import { Random } from './random.mjs';

const random = new Random(1);
/** @type {(number: number, told?: { id?: number, attempt?: number, fate?: string, [more: string]: unknown }) => any} */
export const record = (number, { id = 100 + number, attempt = 1, fate, ...more } = {}) => ({
  id,
  attempt,
  text: messageOf(number, random, fate),
  ...more,
});
export const consumer = (records, more = {}) => ({ pid: 7, died: false, records, ...more });
/** Runs worker.sh: what is not said to have ended did not. */
export const worker = (records, more = {}) => consumer(records, { works: true, ...more });
