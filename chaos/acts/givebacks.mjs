// Poison beside good messages: it is given back again and again, with pauses, lets the others go first and
// spends no attempt. Then with a limit to how often.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '../actor.mjs';
import { Faults } from '../faults.mjs';
import { hasty, Ledger } from '../ledger.mjs';
import { Fate, messageOf, readMessage } from '../message.mjs';
import { produce, send } from '../produce.mjs';
import { settle } from '../settle.mjs';

const POISON = 3;
const LIMITED = 1_000_000;
const GOOD = 2_000_000;
const MAX_RELEASES = 3;
const FATES = [Fate.Ok, Fate.Ok, Fate.Ok, Fate.Later];
/** While not one more is handled; ms. */
const PATIENCE_MS = 60_000;
const BROKER = ['--max-attempts', '1'];
const wait = ['--wait', '-W', '1m'];

export const givebacks = {
  name: 'givebacks',
  brokerArgs: BROKER,
  async play({ cast, random, sizes, until }) {
    const ledger = new Ledger();
    const faults = new Faults(cast, random);
    const startedAt = performance.now();
    // One at a time, so that what comes back first has the only worker.
    await cast.addConsumer([], Worker);
    await sendPoison(cast, ledger, random, 0);
    let sending = true;
    const kinds = ['killBroker', 'restartBroker', 'stopBroker', 'stopConsumer'];
    const raging = faults.rage(kinds, 1500, () => sending);
    const options = { count: sizes.givebacks, until, producers: 2, from: GOOD };
    await produce(cast, ledger, random, { ...options, fateOf: (one) => one.pick(FATES) });
    sending = false;
    await raging;
    const isGood = (number) => number >= GOOD;
    const unhandled = () =>
      ledger.audit(cast.consumers, cast.expired).missing.filter((number) => isGood(number));
    await whileFewer(() => unhandled().length);
    const wrong = unhandled().map((number) => `message ${number} waits behind poison`);
    const seconds = (performance.now() - startedAt) / 1000;
    wrong.push(
      ...hasty(
        recordsOf(cast, (number) => number < POISON),
        seconds,
      ),
    );
    const releases = recordsOf(cast, (number) => number < POISON).length;
    // The first poison is cured, or the limit would hit it too.
    const antidote = join(cast.dir, 'marks', 'antidote');
    writeFileSync(antidote, '');
    const isSick = (number) => !isGood(number);
    await whileFewer(
      () => ledger.audit(cast.consumers, cast.expired).missing.filter(isSick).length,
    );
    rmSync(antidote);
    await limit(cast, ledger, random, wrong);
    writeFileSync(antidote, '');
    const { counts, wrong: more } = await settle(cast, ledger, POISON);
    const done = { ...faults.done, 'poison given back': releases };
    return { counts, wrong: [...wrong, ...more], done };
  },
};

/** One worker takes as long as it takes: waits until there are none, or it does not get on. */
async function whileFewer(count) {
  let fewest = count();
  for (let since = Date.now(); fewest > 0 && Date.now() - since < PATIENCE_MS; await sleep(100)) {
    const now = count();
    if (now < fewest) since = Date.now();
    fewest = Math.min(fewest, now);
  }
}

async function sendPoison(cast, ledger, random, from, queue = 'default') {
  const numbers = Array.from({ length: POISON }, (_, n) => from + n);
  const messages = numbers.map((number) => messageOf(number, random, Fate.Poison));
  await send(cast, ledger, numbers, messages, [...wait, '-q', queue]);
}

/** Given back once more than it may be: dead. */
async function limit(cast, ledger, random, wrong) {
  cast.brokerArgs = [...BROKER, '--max-releases', String(MAX_RELEASES)];
  await cast.betweenBrokers('SIGTERM', async () => {});
  await cast.addConsumer(['-q', 'limited', '-j', '2'], Worker);
  await sendPoison(cast, ledger, random, LIMITED, 'limited');
  const isLimited = (number) => number >= LIMITED && number < GOOD;
  const deadline = Date.now() + PATIENCE_MS;
  while ((await cast.dead('limited'))?.length !== POISON && Date.now() < deadline) await sleep(200);
  // It is dead and stays so; nothing more is wanted of it.
  for (const number of [...ledger.confirmed.keys()].filter(isLimited))
    ledger.confirmed.delete(number);
  const { length } = recordsOf(cast, isLimited);
  const expected = POISON * (MAX_RELEASES + 1);
  if (length !== expected)
    wrong.push(`${length} deliveries of poison with a limit, ${expected} are right`);
}

function recordsOf(cast, isWanted) {
  return cast.consumers
    .flatMap(({ records }) => records)
    .filter(({ text }) => isWanted(readMessage(text)?.number));
}
