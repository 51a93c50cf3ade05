// Messages die of failures, of consumers that are killed, and of jobs that overrun; they are kicked back
// while the same consumers live, one by one and all at once.
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '../actor.mjs';
import { Faults } from '../faults.mjs';
import { Ledger } from '../ledger.mjs';
import { Fate, Outcome, outcomeOf, readMessage } from '../message.mjs';
import { produce } from '../produce.mjs';
import { comesToRest, settle } from '../settle.mjs';

/** Who kicks all at once cannot say afterwards which: rejected ones are in the first queue only. */
const QUEUES = ['default', 'other', 'printed'];
const FATES = {
  default: [Fate.Ok, Fate.Ok, Fate.Stubborn, Fate.Stubborn, Fate.Fail, Fate.Slow, Fate.Bad],
  other: [Fate.Ok, Fate.Ok, Fate.Stubborn, Fate.Fail, Fate.Slow],
  printed: [Fate.Ok],
};
/** A settlement that is on its way arrives; ms. */
const CALM_MS = 500;
/** More than a stubborn message dies, and a few of accidents. */
const LAST_ROUNDS = 12;

export const kick = {
  name: 'kick',
  brokerArgs: argsFor(1),
  env: { SLOW: '2.2' },
  async play({ cast, random, sizes, until }) {
    const ledger = new Ledger();
    const faults = new Faults(cast, random);
    const kicks = new Kicks(cast, ledger, random);
    const crew = [
      ...[1, 2, 3].map(() => [['-q', 'default', '-q', 'other', '-j', '2'], Worker]),
      ...[1, 2].map(() => [['-q', 'printed']]),
    ];
    await Promise.all(crew.map((one) => cast.addConsumer(...one)));
    let sending = true;
    const kinds = ['stopConsumer', 'stopConsumer', 'killConsumer', 'killBroker', 'restartBroker'];
    const enough = () => (until > 0 ? Date.now() > until : ledger.confirmed.size >= sizes.kick);
    const rounds = (async () => {
      const mine = random.of('rounds');
      for (let n = 0; n === 0 || !enough(); n++) {
        const end = Date.now() + mine.int(500, 3000);
        await faults.rage(kinds, 300, () => Date.now() < end);
        cast.brokerArgs = argsFor(mine.int(1, 2));
        await cast.brokerRuns();
        await kicks.some();
      }
      sending = false;
    })();
    await sendOn(cast, ledger, random, () => sending && (until > 0 || !enough()));
    await rounds;
    for (let n = 0; n < LAST_ROUNDS; n++) {
      await comesToRest(cast);
      if ((await kicks.all()) === 0) break;
    }
    const { counts, wrong } = await settle(cast, ledger);
    return { counts, wrong: [...wrong, ...kicks.wrong], done: { ...faults.done, ...kicks.done } };
  },
};

function argsFor(maxAttempts) {
  return ['--ack-wait', '1500ms', '--backoff', '100ms', '--max-attempts', String(maxAttempts)];
}

/** A producer for each queue. */
function sendOn(cast, ledger, random, goOn) {
  return produce(cast, ledger, random, {
    ...{ goOn, producers: QUEUES.length },
    argsOf: (_, n) => ['-q', QUEUES[n]],
    fateOf: (one, n) => one.pick(FATES[QUEUES[n]]),
  });
}

class Kicks {
  done = {};
  wrong = [];
  #cast;
  #ledger;
  #random;

  constructor(cast, ledger, random) {
    this.#cast = cast;
    this.#ledger = ledger;
    this.#random = random.of('kicks');
  }

  /** Of each queue: some by id, or all. */
  async some() {
    for (const queue of QUEUES) {
      const dead = await this.#atRest(queue);
      const isWhole = queue !== QUEUES[0] && this.#random.oneIn(3) && !dead.someBusy;
      if (isWhole) await this.#kick(queue, dead.numbers, []);
      else await this.#kickIds(queue, dead.numbers);
    }
  }

  /** All that were not rejected. @returns how many */
  async all() {
    let count = 0;
    for (const queue of QUEUES) {
      const { numbers } = await this.#atRest(queue);
      const wanted = numbers.filter(({ fate }) => fate !== Fate.Bad);
      if (wanted.length > 0) await this.#kickIds(queue, wanted, wanted.length);
      count += wanted.length;
    }
    return count;
  }

  async #kickIds(queue, dead, most = this.#random.int(1, 8)) {
    const some = dead.slice(0, most);
    if (some.length > 0) {
      await this.#kick(
        queue,
        some,
        some.map(({ id }) => String(id)),
      );
    }
  }

  async #kick(queue, dead, ids) {
    if (dead.length === 0) return;
    const { code, text, said } = await this.#cast.ask('dead', 'kick', '-q', queue, ...ids);
    if (code === 69 || code === 75) return;
    const kicked = Number(/^(\d+) ready/.exec(text)?.[1] ?? 0);
    if (code !== 0 || kicked < dead.length)
      this.wrong.push(`a kick of ${dead.length} ended with ${code}: ${text}${said}`);
    for (const { number, attempt } of dead) this.#ledger.kick(number, attempt);
    const name = ids.length > 0 ? 'kicked by id' : 'kicked with all';
    this.done[name] = (this.done[name] ?? 0) + kicked;
  }

  /**
   * Dead ones that nobody is at work on any more: `{ number, id, fate, attempt }`, the last attempt that a
   * consumer knows; `someBusy`: there are others.
   */
  async #atRest(queue) {
    const dead = (await this.#cast.dead(queue)) ?? [];
    const known = this.#recordsByNumber();
    const all = dead.map(({ id, text }) => {
      const message = readMessage(text);
      if (!message) throw new Error(`a dead message that nobody sent: ${text}`);
      const { number, fate } = message;
      const records = known.get(number) ?? [];
      const attempt = Math.max(0, ...records.map((record) => record.attempt));
      const isBusy = records.some(
        (record) => record.by.lives && outcomeOf(record) === Outcome.Unfinished,
      );
      return { number, id, fate, attempt, isBusy };
    });
    const numbers = all.filter(({ isBusy }) => !isBusy);
    await sleep(CALM_MS);
    return { numbers, someBusy: numbers.length < all.length };
  }

  #recordsByNumber() {
    const known = new Map();
    for (const by of this.#cast.consumers) {
      for (const record of by.records) {
        const { number, fate } = readMessage(record.text) ?? {};
        known.set(number, [...(known.get(number) ?? []), { ...record, fate, by }]);
      }
    }
    return known;
  }
}
