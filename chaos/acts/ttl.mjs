// Messages with a lifetime. Who has taken one may die with it, or fail: it comes again, however late. What
// nobody takes in time expires, and nothing else does; with --dead-expired it is dead.
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '../actor.mjs';
import { Faults } from '../faults.mjs';
import { Ledger } from '../ledger.mjs';
import { Fate, messageOf, readMessage } from '../message.mjs';
import { produce, send } from '../produce.mjs';
import { comesToRest, settle } from '../settle.mjs';

const FATES = [Fate.Ok, Fate.Ok, Fate.Ok, Fate.Slow, Fate.Slow, Fate.Fail, Fate.Later];
const LIFETIMES = ['300ms', '800ms', '2s'];
const BROKER = ['--max-attempts', '1000', '--backoff', '200ms'];
/** More than the longest lifetime, and a late timer; ms. */
const ALL_OVER_MS = 3000;
const KEPT = 1_000_000;
const COLD = 500_000;

export const ttl = {
  name: 'ttl',
  brokerArgs: BROKER,
  env: { SLOW: '1.2' },
  async play({ cast, random, sizes, until }) {
    const ledger = new Ledger();
    const faults = new Faults(cast, random);
    faults.isPatient = true;
    await Promise.all([2, 2, 1].map((jobs) => cast.addConsumer(['-j', String(jobs)], Worker)));
    const half = until > 0 ? Date.now() + (until - Date.now()) / 2 : 0;
    await hurry({ cast, ledger, faults, random, count: sizes.ttl / 2, until: half, from: 0 });
    const cold = await leaveCold(cast, ledger, random);
    await comesToRest(cast);
    cast.brokerArgs = [...BROKER, '--dead-expired'];
    await cast.betweenBrokers('SIGTERM', async () => {});
    await hurry({ cast, ledger, faults, random, count: sizes.ttl / 2, until, from: KEPT });
    await comesToRest(cast);
    const dead = ((await cast.dead('default')) ?? []).map(({ text }) => readMessage(text)?.number);
    const kept = ledger.unkept(cast.consumers, new Set(dead), KEPT);
    if (dead.length > 0) {
      await cast.askSurely('dead', 'kick');
      for (const number of dead) ledger.kick(number, 0);
    }
    const { counts, wrong } = await settle(cast, ledger);
    const expired = [...ledger.confirmed.keys()].length - counts.delivered;
    return {
      counts: { ...counts, 'expired, at least': expired, 'kept as dead': dead.length },
      wrong: [...wrong, ...kept],
      done: { ...faults.done, 'left cold': cold },
    };
  },
};

/** More than the workers can take in time, while workers and brokers die. */
async function hurry({ cast, ledger, faults, random, count, until, from }) {
  let sending = true;
  const kinds = ['killConsumer', 'killConsumer', 'endConsumer', 'killBroker', 'restartBroker'];
  const raging = faults.rage(kinds, 1500, () => sending);
  const target = ledger.confirmed.size + count;
  await produce(cast, ledger, random, {
    ...{ count: target, until, producers: 3, from },
    // Each producer sends to the same queue; the third one's live long enough.
    argsOf: (mine, n) => ['--ttl', n < 2 ? mine.pick(LIFETIMES) : '1h'],
    fateOf: (one) => one.pick(FATES),
    onSend: (numbers, n) => {
      if (n < 2) for (const number of numbers) ledger.mortal.add(number);
    },
  });
  sending = false;
  await raging;
}

/** To a queue without consumers, until every lifetime is over. @returns how many */
async function leaveCold(cast, ledger, random) {
  const numbers = Array.from({ length: 20 }, (_, n) => COLD + n);
  for (const number of numbers) {
    const isMortal = number % 2 === 0;
    if (isMortal) ledger.mortal.add(number);
    const lifetime = isMortal ? ['--ttl', LIFETIMES[number % LIFETIMES.length]] : [];
    const args = ['--wait', '-q', 'cold', ...lifetime];
    await send(cast, ledger, [number], [messageOf(number, random)], args);
  }
  await sleep(ALL_OVER_MS);
  for (const number of numbers.filter((one) => ledger.mortal.has(one))) ledger.expired.add(number);
  await cast.addConsumer(['-q', 'cold']);
  return numbers.length;
}
