// Jobs that take longer than anything that sigmq waits for, and no ack-wait: each runs once while its consumer
// lives, also when brokers are killed and stopped. In a queue of their own: jobs that overrun the ack-wait of
// their consumer, which counts all the same when nobody else got them.
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '../actor.mjs';
import { Faults } from '../faults.mjs';
import { Ledger } from '../ledger.mjs';
import { Fate, messageOf } from '../message.mjs';
import { send } from '../produce.mjs';
import { settle } from '../settle.mjs';

/** Of the consumer of the queue `late`; worker.sh takes $SLOW seconds. */
const ACK_WAIT = '1s';
const SLOW = '2.2';
const FIRST_LATE = 1_000_000;
const WORKERS = 3;
const JOBS = 8;

export const longjobs = {
  name: 'longjobs',
  brokerArgs: ['--max-attempts', '2', '--backoff', '200ms'],
  env: { SLOW },
  async play({ cast, random, sizes, until }) {
    const ledger = new Ledger();
    const faults = new Faults(cast, random);
    cast.env.LONG = String(sizes.long);
    await Promise.all(
      Array.from({ length: WORKERS }, () => cast.addConsumer(['-j', String(JOBS)], Worker)),
    );
    await cast.addConsumer(['-q', 'late', '--ack-wait', ACK_WAIT], Worker);
    const sending = sendAll(cast, ledger, random, { count: sizes.longjobs, until });
    const end = Date.now() + sizes.long * 1000;
    const kinds = ['killBroker', 'restartBroker', 'stopBroker', 'stopConsumer', 'foreignSignals'];
    await faults.rage(kinds, 3000, () => Date.now() < end);
    await sending;
    await sendLate(cast, ledger, random, faults);
    const { counts, wrong } = await settle(cast, ledger);
    return { counts: { ...counts, overrun: cast.expired.size }, wrong, done: faults.done };
  },
};

/** Long ones with short ones between them. */
async function sendAll(cast, ledger, random, { count, until }) {
  for (let n = 0; until > 0 ? Date.now() < until : n < count; n++) {
    const fate = random.of(n).pick([Fate.Long, Fate.Ok]);
    if (fate === Fate.Long) ledger.once.add(n);
    await send(cast, ledger, [n], [messageOf(n, random, fate)], ['--wait', '-W', '2m']);
    // Half of them are long: no more than the workers can do.
    const longest = n < WORKERS * JOBS ? 500 : (cast.env.LONG * 1000) / WORKERS;
    await sleep(random.of(`pause ${n}`).int(0, longest));
  }
}

/** One after the other: the only consumer of the queue has them all, and is overdue with each. */
async function sendLate(cast, ledger, random, faults) {
  const numbers = [0, 1, 2].map((n) => FIRST_LATE + n);
  for (const number of numbers) ledger.once.add(number);
  const messages = numbers.map((number) => messageOf(number, random, Fate.Slow));
  await send(cast, ledger, numbers, messages, ['--wait', '-W', '1m', '-q', 'late']);
  const end = Date.now() + numbers.length * Number(SLOW) * 1000;
  await faults.rage(['stopBroker'], 500, () => Date.now() < end);
}
