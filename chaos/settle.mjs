// The end of an act: what is on its way arrives, nothing stays behind, and the ledger agrees.
import { setTimeout as sleep } from 'node:timers/promises';

/** How long deliveries may go without any progress when the faults are over; ms. */
const PATIENCE_MS = 120_000;
/** For what should not come any more; ms. */
const QUIET_MS = 1500;

/**
 * @param otherDead how many messages are dead for another reason than that they were rejected
 * @returns `{ counts, wrong }`
 */
export async function settle(cast, ledger, otherDead = 0) {
  const left = await comesToRest(cast);
  await sleep(QUIET_MS);
  const { counts, wrong, rejected } = ledger.audit(cast.consumers, cast.expired, cast.takenOver);
  if (left?.waiting !== 0) wrong.push(`the store still has ${left?.text ?? 'no broker'}`);
  else if (!isDead(left.dead, rejected + otherDead, cast)) {
    wrong.push(`${rejected + otherDead} messages should be dead, ${left.dead} are`);
  }
  return { counts, wrong };
}

/** A broker that is cut off from the store costs what it holds an attempt, which may be the last. */
function isDead(dead, wanted, { engine }) {
  return engine ? dead >= wanted : dead === wanted;
}

/** Waits until all are delivered or dead. @returns what is left; undefined: nobody answers */
export async function comesToRest(cast) {
  let left;
  let before;
  let deadline = Date.now() + PATIENCE_MS;
  do {
    left = await cast.left();
    if (left?.text !== before) deadline = Date.now() + PATIENCE_MS;
    before = left?.text;
    if (left?.waiting === 0) break;
    await sleep(200);
  } while (Date.now() < deadline);
  return left;
}
