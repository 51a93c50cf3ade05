// What each group of a queue has to get: all of it.
import { Ledger } from './ledger.mjs';

/** A consumer's, by its `args`. */
const groupOf = ({ args }) => args[args.indexOf('-g') + 1];

/** Messages to one queue, and its groups in the order in which they were made. */
export class GroupLedger extends Ledger {
  /** By group, what was confirmed before anybody asked for it. @type {Map<string, Set<number>>} */
  #before = new Map();
  #made = new Set();
  /** By number, the groups that there were before it was sent. */
  #groupsOf = new Map();

  /** Its first consumer is about to start. */
  begin(group) {
    const isFirst = this.#before.size === 0;
    this.#before.set(group, new Set(isFirst ? [] : this.confirmed.keys()));
  }

  /** Its first consumer has said that it waits. */
  made(group) {
    this.#made.add(group);
  }

  /** They are about to be sent. */
  sending(numbers) {
    for (const number of numbers) this.#groupsOf.set(number, new Set(this.#made));
  }

  /** @override each group for itself: its copies have ids of their own */
  audit(consumers, overdue = new Set(), takenOver = new Set()) {
    const stored = new Set([
      ...this.confirmed.keys(),
      ...this.collect(consumers).deliveries.keys(),
    ]);
    const groups = [...this.#before.keys()];
    const audits = groups.map((group) => {
      const own = consumers.filter((consumer) => groupOf(consumer) === group);
      const ledger = this.#ledgerOf(group, stored);
      const audit = ledger.audit(own, overdue, takenOver);
      const early = this.#tooEarly(group, ledger.collect(own).deliveries);
      return { ...audit, wrong: [...audit.wrong, ...early].map((why) => `group ${group}: ${why}`) };
    });
    const sum = (count) => audits.reduce((total, audit) => total + count(audit), 0);
    const counts = {
      groups: groups.length,
      attempted: this.attempted.size,
      confirmed: this.confirmed.size,
      delivered: sum((audit) => audit.counts.delivered),
      repeats: sum((audit) => audit.counts.repeats),
    };
    return {
      counts,
      wrong: audits.flatMap(({ wrong }) => wrong),
      missing: audits.flatMap(({ missing }) => missing),
      rejected: sum(({ rejected }) => rejected),
    };
  }

  /** A message is stored for all groups or for none: also one that was not confirmed, if anybody got it. */
  #ledgerOf(group, stored) {
    const ledger = new Ledger();
    ledger.attempted = this.attempted;
    ledger.refused = this.refused;
    for (const number of stored) if (this.#isDue(number, group)) ledger.confirm(number);
    return ledger;
  }

  /** What was there before the first group is for that one. */
  #isDue(number, group) {
    const groups = this.#groupsOf.get(number);
    const [first] = this.#before.keys();
    if (groups === undefined) return false;
    return groups.has(group) || (groups.size === 0 && group === first);
  }

  #tooEarly(group, deliveries) {
    const before = this.#before.get(group) ?? new Set();
    return [...deliveries.keys()]
      .filter((number) => before.has(number))
      .map((number) => `message ${number} was there before the group, and delivered to it`);
  }
}
