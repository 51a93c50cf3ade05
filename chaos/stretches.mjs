// The stores that were open during a run, one after the other. A stretch is the time of one store, until
// another one is put in its place: restored, exchanged, deleted. What a store had when its stretch began
// and ended is read from its file while no broker runs.
import { isThrough } from './objections.mjs';

/** Nobody knows what it had: it was in memory, or its file was deleted. */
export const UNKNOWN = undefined;

/**
 * A store's content: a Map from the number of a message to its state (`ready`, `reserved`, ...).
 * @typedef {Map<number, string>} Content
 */

export class Stretches {
  /** What each store had at first and at last. @type {{ opened: Content, kept: Content | undefined }[]} */
  #all = [{ opened: new Map(), kept: UNKNOWN }];
  /** By number, the stretches between which a message was sent and confirmed. */
  confirmed = new Map();

  get current() {
    return this.#all.length - 1;
  }

  /** The send began in the stretch `since` and was confirmed by now. */
  confirm(number, since) {
    if (!this.confirmed.has(number)) this.confirmed.set(number, { since, until: this.current });
  }

  /**
   * Another store is opened.
   * @param {Content | undefined} kept what the one before it still had
   * @param {Content} opened what the new one has
   */
  turn(kept, opened) {
    this.#all[this.current].kept = kept;
    this.#all.push({ opened, kept: UNKNOWN });
  }

  /** It was in the store of that stretch from the start, or may have been sent again to it. */
  mayComeAgain(number, stretch) {
    if (this.#all[stretch]?.opened.has(number)) return true;
    const { since, until } = this.confirmed.get(number) ?? { since: 0, until: this.current };
    return since <= stretch && stretch <= until;
  }

  /** A confirmed message was handled, or was still in a store when that was closed. */
  isThrough(number, records) {
    const { since, until } = this.confirmed.get(number);
    for (let stretch = since; stretch <= until; stretch++) {
      if (this.#isKept(number, stretch) || isThrough(writtenIn(stretch, records))) return true;
    }
    return false;
  }

  /** What a store had when it was opened comes again, too. @returns sentences */
  forgotten(deliveries) {
    return this.#all.flatMap(({ opened }, stretch) => {
      const missing = [...opened].filter(([number, state]) => {
        if (state === 'dead' || this.#isKept(number, stretch)) return false;
        const records = deliveries.get(number) ?? [];
        // Who held it then is asked, and may have handled it long ago.
        if (state === 'reserved' && isThrough(records)) return false;
        return !isThrough(writtenIn(stretch, records));
      });
      if (missing.length === 0) return [];
      const numbers = missing.map(([number]) => number).join(' ');
      return [`in store ${stretch} when it was opened, and not delivered from it: ${numbers}`];
    });
  }

  #isKept(number, stretch) {
    const { kept } = this.#all[stretch];
    if (kept === UNKNOWN) return stretch < this.current;
    return kept.has(number);
  }
}

/** What was delivered in one stretch may be written at the beginning of the next. */
function writtenIn(stretch, records) {
  return records.filter((record) => record.stretch === stretch || record.stretch === stretch + 1);
}
