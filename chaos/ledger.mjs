// What producers were told and what consumers wrote, and whether the two agree. Knows nothing of processes.
import { Fate, readMessage } from './message.mjs';
import { inOrder, isThrough, objections } from './objections.mjs';
import { Stretches } from './stretches.mjs';

export class Ledger {
  /** Numbers that may or may not be on their way. */
  attempted = new Set();
  /** Of which the broker said that they are not stored. */
  refused = new Set();
  /** With a lifetime: what nobody takes in time need not be delivered. */
  mortal = new Set();
  /** Whose lifetime was over before anybody could take them. */
  expired = new Set();
  /** That come once while their consumer lives, however long it is at work on them. */
  once = new Set();
  /** By number, after which attempts they were kicked back. */
  kicks = new Map();
  /** The stores that were open, one after the other: the same one all the time, unless an act says so. */
  stretches = new Stretches();

  /** Numbers whose send ended with 0. */
  get confirmed() {
    return this.stretches.confirmed;
  }

  /** @param since the stretch in which its send began */
  confirm(number, since = this.stretches.current) {
    this.stretches.confirm(number, since);
  }

  /** A dead message was made ready again, after an attempt that its consumers know (0: none). */
  kick(number, after) {
    this.kicks.set(number, [...(this.kicks.get(number) ?? []), after]);
  }

  /**
   * @param consumers each `{ pid, died, works, signalled, records }`: whether it was killed, runs
   *   worker.sh, was ended together with its commands, and what it wrote, as `{ id, attempt, text }`;
   *   plain consumers know no id and no attempt, others may know `stretch`, `releases` and `ended`
   * @param overdue ids of messages that the broker has taken from a consumer because it was silent for
   *   too long
   * @param takenOver ids of messages that another host's broker has taken over
   * @returns the counts, the sentences about what is wrong, and the numbers of what is missing
   */
  audit(consumers, overdue = new Set(), takenOver = new Set()) {
    const { deliveries, wrong } = this.collect(consumers);
    const nobodyDied = !consumers.some(({ died }) => died);
    let repeats = 0;
    for (const [number, records] of deliveries) {
      repeats += records.length - 1;
      const known = {
        ...{ expired: overdue, nobodyDied, kicked: this.kicks.get(number) ?? [] },
        mayComeAgain: (stretch) => this.stretches.mayComeAgain(number, stretch),
      };
      wrong.push(
        ...objections(number, records, known),
        ...this.#unwanted(number, records, takenOver),
      );
    }
    const missing = [...this.confirmed.keys()].filter((number) => {
      const records = deliveries.get(number) ?? [];
      if (this.mortal.has(number) && records.length === 0) return false;
      return !this.stretches.isThrough(number, records);
    });
    if (missing.length > 0) wrong.push(`confirmed and not delivered: ${missing.join(' ')}`);
    wrong.push(...this.#unkicked(deliveries), ...this.stretches.forgotten(deliveries));
    const counts = {
      attempted: this.attempted.size,
      confirmed: this.confirmed.size,
      delivered: deliveries.size,
      repeats,
    };
    const rejected = [...deliveries.values()].filter(
      ([{ fate, by }]) => fate === Fate.Bad && by.works,
    ).length;
    return { counts, wrong, missing, rejected };
  }

  /**
   * Whether what expired was kept as dead, and nothing else.
   * @param dead numbers of what is dead
   * @param from the first number that counts
   * @returns sentences
   */
  unkept(consumers, dead, from = 0) {
    const { deliveries } = this.collect(consumers);
    const lost = [...this.confirmed.keys()].filter(
      (number) => number >= from && !deliveries.has(number) && !dead.has(number),
    );
    const wrong = lost.map((number) => `message ${number} expired and was not kept as dead`);
    for (const number of dead) {
      if (deliveries.has(number)) wrong.push(`message ${number} was taken, and is dead as expired`);
      else if (!this.mortal.has(number))
        wrong.push(`message ${number} is dead as expired, and had no lifetime`);
    }
    return wrong;
  }

  /** What was delivered of each message, in order, and sentences about what was not one. */
  collect(consumers) {
    const deliveries = new Map();
    const wrong = [];
    for (const by of consumers) {
      for (const { text, ...record } of by.records) {
        const message = readMessage(text);
        if (!message || !this.attempted.has(message.number)) {
          wrong.push(`consumer ${by.pid} wrote what nobody sent: ${JSON.stringify(text)}`);
          continue;
        }
        const { number, fate } = message;
        const records = deliveries.get(number) ?? [];
        records.push({ stretch: 0, ...record, fate, by });
        deliveries.set(number, records);
      }
    }
    for (const records of deliveries.values()) records.sort(inOrder);
    return { deliveries, wrong };
  }

  #unwanted(number, records, takenOver) {
    const isExplained = records.some(
      ({ id, by, mayBeUndone }) => mayBeUndone || by.died || takenOver.has(id),
    );
    if (this.once.has(number) && records.length > 1 && !isExplained)
      return [`message ${number} took long, and was delivered ${records.length} times`];
    if (this.refused.has(number))
      return [`message ${number} was refused and delivered all the same`];
    if (this.expired.has(number)) return [`message ${number} was delivered after its lifetime`];
    return [];
  }

  /** What was kicked back has to be handled under an attempt that nobody has seen. */
  #unkicked(deliveries) {
    return [...this.kicks].flatMap(([number, kicks]) => {
      const records = deliveries.get(number) ?? [];
      const last = Math.max(...kicks);
      if (isThrough(records.filter(({ attempt = 0 }) => attempt > last))) return [];
      return [`message ${number} was kicked back after attempt ${last} and not handled again`];
    });
  }
}

/** Whether numbers rise within one consumer's records. @returns sentences about what is wrong */
export function outOfOrder(records) {
  const numbers = records.map(({ text }) => readMessage(text)?.number);
  return numbers
    .filter((number, at) => at > 0 && !(number > numbers[at - 1]))
    .map((number) => `message ${number} is out of order`);
}

/**
 * Whether what is given back comes again with ever longer pauses: they double from 1 s on.
 * @param seconds how long it went on
 * @returns sentences about what is wrong
 */
export function hasty(records, seconds) {
  const most = 3 + Math.floor(Math.log2(seconds + 1));
  const counts = new Map();
  for (const { text } of records) {
    const number = readMessage(text)?.number;
    counts.set(number, (counts.get(number) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > most)
    .map(([number, count]) => `message ${number} came ${count} times in ${Math.round(seconds)} s`);
}
