// The messages of a run. Each shows damage, and says what is to become of it.
import { createHash } from 'node:crypto';

/** What becomes of a message at a consumer that runs worker.sh, which does as it says. */
export const Fate = {
  /** Handled at once. */
  Ok: 'ok',
  /** Its first attempt fails. */
  Fail: 'fail',
  /** Its first three attempts fail. */
  Stubborn: 'stubborn',
  /** Given back once. */
  Later: 'later',
  /** Given back until there is an antidote. */
  Poison: 'poison',
  /** Its first attempt takes $SLOW seconds. */
  Slow: 'slow',
  /** Every attempt takes $LONG seconds. */
  Long: 'long',
  /** Handled, with an exit code of 3: for `consume --reply`, which passes it on. */
  Three: 'three',
  /** Rejected for good. */
  Bad: 'bad',
};

/** Attempts of a stubborn one that fail. */
const STUBBORN_ATTEMPTS = 3;

/** Its number, its fate, filling with UTF-8 in it, and a hash of all that. */
export function messageOf(number, random, fate = Fate.Ok) {
  const filling = '·größer 信号 '.repeat(random.of(number).int(0, 6));
  const text = `${number} ${fate} ${filling}`;
  return `${text}#${hashOf(text)}`;
}

/** The number and the fate of an intact message; undefined for anything else. */
export function readMessage(message) {
  const at = message.lastIndexOf('#');
  const text = message.slice(0, at);
  if (at < 0 || hashOf(text) !== message.slice(at + 1)) return undefined;
  const [number, fate] = text.split(' ');
  return { number: Number(number), fate };
}

const hashOf = (text) => createHash('sha256').update(text).digest('hex').slice(0, 16);

export const Outcome = {
  Done: 'done',
  Failed: 'failed',
  Released: 'released',
  Dead: 'dead',
  /** Its consumer went with it in hand: killed, or by a signal that went to its command, too. */
  Unfinished: 'unfinished',
};

/**
 * What one delivery came to.
 * @param record `ended`: worker.sh came to its end with 0, and its consumer lived
 */
export function outcomeOf({ fate, attempt, ended, by }) {
  if (!by.works || ended) return Outcome.Done;
  switch (fate) {
    case Fate.Bad:
      return Outcome.Dead;
    case Fate.Later:
    case Fate.Poison:
      return Outcome.Released;
    case Fate.Fail:
      return attempt === 1 ? Outcome.Failed : Outcome.Unfinished;
    case Fate.Stubborn:
      return attempt <= STUBBORN_ATTEMPTS ? Outcome.Failed : Outcome.Unfinished;
    default:
      return Outcome.Unfinished;
  }
}
