// What sends with a key were told, and whether at most one message with it was there at a time.
import { Ledger } from './ledger.mjs';

export class KeyLedger extends Ledger {
  /** Numbers of messages with whose key there was no other. */
  alone = new Set();
  #keys = new Map();
  /** By number, the id under which it was stored, and when its send had ended (s since boot). */
  #stored = new Map();
  /** What was not stored, and the id of what stood for it. */
  #standIns = [];

  /** It is about to be sent. */
  sending(number, key) {
    this.attempted.add(number);
    this.#keys.set(number, key);
  }

  /**
   * Its send has ended with 0.
   * @param told `id`: its own, or that of the one that stands for it (`duplicate`); null: not known
   * @param at s since boot
   */
  told(number, { id, duplicate = false }, at) {
    if (duplicate) this.refused.add(number);
    if (id === null) return;
    if (duplicate) this.#standIns.push({ number, id });
    else {
      this.confirm(number);
      this.#stored.set(number, { id, at });
    }
  }

  /** @override */
  audit(consumers, overdue = new Set(), takenOver = new Set()) {
    const audit = super.audit(consumers, overdue, takenOver);
    const { deliveries } = this.collect(consumers);
    const shared = new Set([...overdue, ...takenOver]);
    const wrong = [
      ...audit.wrong,
      ...this.#doubled(deliveries, shared),
      ...this.#misnamed(deliveries),
      ...this.#unfree(),
    ];
    return { ...audit, wrong, counts: { ...audit.counts, 'not stored': this.refused.size } };
  }

  /** Messages with one key that were there at the same time. @param shared ids of what two consumers may have had */
  #doubled(deliveries, shared) {
    const lives = [...deliveries].flatMap(([number, records]) => {
      // Who was killed may leave a command that begins after the message has gone to another.
      const held = records.filter(({ id, by }) => !by.died && !shared.has(id));
      if (held.length === 0) return [];
      const seen = records.map(({ began }) => began);
      const from = Math.min(this.#stored.get(number)?.at ?? Number.POSITIVE_INFINITY, ...seen);
      const to = Math.max(...held.map(({ began }) => began));
      return [{ number, key: this.#keys.get(number), from, to }];
    });
    lives.sort((a, b) => a.from - b.from);
    const last = new Map();
    return lives.flatMap((life) => {
      const before = last.get(life.key);
      if (!before || life.to > before.to) last.set(life.key, life);
      if (!before || before.to <= life.from) return [];
      return [`messages ${before.number} and ${life.number} with key ${life.key} were both there`];
    });
  }

  #misnamed(deliveries) {
    const numbers = new Map([...this.#stored].map(([number, { id }]) => [id, number]));
    for (const [number, records] of deliveries)
      for (const { id } of records) numbers.set(id, number);
    return this.#standIns
      .filter(({ number, id }) => this.#keys.get(numbers.get(id)) !== this.#keys.get(number))
      .map(({ number, id }) => `message ${number} was not stored for ${id}, which has not its key`);
  }

  #unfree() {
    return [...this.alone]
      .filter((number) => !this.confirmed.has(number))
      .map((number) => `message ${number} was not stored, though no other had its key`);
  }
}
