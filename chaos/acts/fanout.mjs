// Groups of one queue: each gets everything that is sent once it is there, whoever is killed. New ones come meanwhile,
// and one is left without a consumer at times.
import { setTimeout as sleep } from 'node:timers/promises';
import { Consumer, Worker } from '../actor.mjs';
import { Faults } from '../faults.mjs';
import { GroupLedger } from '../group-ledger.mjs';
import { Fate, messageOf } from '../message.mjs';
import { produce, send } from '../produce.mjs';
import { settle } from '../settle.mjs';

/** The kinds of their consumers, in the order in which they come: two are there from the start. */
const GROUPS = Object.entries({
  first: [Consumer, Consumer],
  work: [Worker, Worker],
  later: [Consumer],
  last: [Worker],
});
const AT_ONCE = 2;
const FATES = [...Array(8).fill(Fate.Ok), Fate.Fail, Fate.Later, Fate.Bad, Fate.Slow];
/** Sent before there is a group. */
const EARLY = Array.from({ length: 5 }, (_, n) => 1_000_000 + n);

export const fanout = {
  name: 'fanout',
  brokerArgs: ['--max-attempts', '1000', '--backoff', '200ms'],
  env: { SLOW: '1' },
  async play({ cast, random, sizes, until }) {
    const ledger = new GroupLedger();
    const faults = new GroupFaults(cast, random);
    ledger.sending(EARLY);
    const early = EARLY.map((number) => messageOf(number, random));
    await send(cast, ledger, EARLY, early, ['--wait', '-W', '1m']);
    for (const group of GROUPS.slice(0, AT_ONCE)) await make(cast, ledger, group);
    let [sending, coming] = [true, true];
    const kinds = [
      ...['killBroker', 'killConsumer', 'killProducer', 'stopBroker', 'stopConsumer'],
      ...['restartBroker', 'endConsumer', 'foreignSignals', 'jumpClock', 'leaveGroup'],
    ];
    const raging = faults.rage(kinds, 700, () => sending);
    const makeOthers = async () => {
      const mine = random.of('groups');
      for (const group of GROUPS.slice(AT_ONCE)) {
        await sleep(mine.int(500, 4000));
        await make(cast, ledger, group);
      }
      coming = false;
    };
    const enough = () =>
      until > 0 ? Date.now() > until : ledger.confirmed.size >= sizes.fanout + EARLY.length;
    const producing = produce(cast, ledger, random, {
      goOn: () => coming || !enough(),
      producers: 2,
      sizes: [1, 1, 5, 20],
      fateOf: (one) => one.pick(FATES),
      onSend: (numbers) => ledger.sending(numbers),
    });
    await Promise.all([producing, makeOthers()]);
    sending = false;
    await raging;
    return { ...(await settle(cast, ledger)), done: faults.done };
  },
};

async function make(cast, ledger, [group, kinds]) {
  const [first, ...others] = kinds;
  const args = ['-g', group];
  ledger.begin(group);
  await cast.addConsumer(args, first);
  ledger.made(group);
  await Promise.all(others.map((Kind) => cast.addConsumer(args, Kind)));
}

class GroupFaults extends Faults {
  /** All consumers of a group are killed, and others come after a while. */
  leaveGroup = async () => {
    const group = this.random.pick(GROUPS.map(([name]) => name));
    const all = this.cast.livingConsumers.filter(({ args }) => args.includes(group));
    await Promise.all(all.map((consumer) => consumer.kill()));
    await sleep(this.random.int(0, 2000));
    await Promise.all(all.map((consumer) => this.replace(consumer)));
    return all.length > 0;
  };
}
