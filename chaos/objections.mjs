// What speaks against the deliveries of one message: docs/guarantees.md has the reasons for another one.
import { Outcome, outcomeOf } from './message.mjs';

/**
 * @param records of one message, in their order
 * @param known `expired`: ids of messages that were taken from a consumer because it was silent for too
 *   long; `kicked`: the attempts after which this message was kicked back; `mayComeAgain(stretch)`: the
 *   store of that stretch had it from the start; `nobodyDied`: attempts are spent by failures only
 * @returns sentences: one at most, as the first leads to others
 */
export function objections(number, records, known) {
  const first = records
    .slice(1)
    .map((record, at) => objection(records[at], record, known))
    .find((why) => why !== undefined);
  return first === undefined ? [] : [`message ${number} ${first}, ${told(records)}`];
}

/** undefined: nothing. */
function objection(before, record, { expired, kicked, mayComeAgain, nobodyDied }) {
  if (record.stretch !== before.stretch) {
    return mayComeAgain(record.stretch) ? undefined : 'was delivered from a store that had it not';
  }
  // A plain consumer tells neither.
  const isKnown = record.id !== undefined && before.id !== undefined;
  if (isKnown && record.id !== before.id) {
    return `was stored twice, as ${before.id} and ${record.id}`;
  }
  // The server crashed, and does not know that it was delivered, nor as which attempt.
  if (before.mayBeUndone || record.mayBeUndone) return undefined;
  const outcome = outcomeOf(before);
  const wasEndedTogether = before.by.signalled === true && outcome === Outcome.Unfinished;
  const wasGivenBack = outcome === Outcome.Released || wasEndedTogether;
  const isSameAttempt = isKnown && record.attempt === before.attempt;
  if (isSameAttempt && !wasGivenBack) return `was delivered twice as attempt ${record.attempt}`;
  if (outcome === Outcome.Failed) return undefined;
  if (outcome === Outcome.Released && isSameAttempt && nobodyDied && isUncounted(before, record)) {
    return `was given back, and the next delivery tells of ${record.releases} times`;
  }
  if (wasGivenBack) {
    if (isSameAttempt || !isKnown || !nobodyDied || expired.has(record.id)) return undefined;
    return `spent attempt ${before.attempt} on being given back`;
  }
  const stalled = before.by.stalled || record.by.stalled;
  if (before.by.died || stalled || expired.has(record.id)) return undefined;
  if (kicked.some((after) => after >= before.attempt && after < record.attempt)) return undefined;
  return 'was delivered again without a reason';
}

/** Only who is told how often it was given back knows. */
function isUncounted(before, record) {
  return record.releases !== undefined && !(record.releases > before.releases);
}

/** What came of these deliveries is what is wanted of a message: it was handled, or rejected. */
export function isThrough(records) {
  return records.some((record) => [Outcome.Done, Outcome.Dead].includes(outcomeOf(record)));
}

function told(records) {
  const list = records.map(
    ({ id, attempt, fate, by }) =>
      `to ${by.pid}${by.died ? ' (killed)' : ''} as ${id} attempt ${attempt} ${fate}`,
  );
  return list.join(', ');
}

/** Of deliveries in one stretch: by attempt, and what was given back before what was not. */
export function inOrder(a, b) {
  return (
    a.stretch - b.stretch ||
    (a.attempt ?? 0) - (b.attempt ?? 0) ||
    (a.releases ?? 0) - (b.releases ?? 0) ||
    Number(a.ended === true) - Number(b.ended === true)
  );
}
