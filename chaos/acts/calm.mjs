// One producer after the other, one consumer, nobody dies: the order of each queue is kept.
import { Faults } from '../faults.mjs';
import { Ledger, outOfOrder } from '../ledger.mjs';
import { messageOf, readMessage } from '../message.mjs';
import { send } from '../produce.mjs';
import { settle } from '../settle.mjs';

const QUEUES = ['default', 'other'];
const queueOf = (number) => QUEUES[number % QUEUES.length];

export const calm = {
  name: 'calm',
  brokerArgs: [],
  async play({ cast, random, sizes, until }) {
    const ledger = new Ledger();
    const faults = new Faults(cast, random);
    faults.sparesEngine = true;
    let sending = true;
    const consumer = await cast.addConsumer(QUEUES.flatMap((queue) => ['-q', queue]));
    const kinds = ['stopBroker', 'stopConsumer', 'foreignSignals', 'jumpClock'];
    const raging = faults.rage(kinds, 300, () => sending);
    const groups = random.of('groups');
    for (let next = 0; until > 0 ? Date.now() < until : next < sizes.calm; ) {
      const queue = groups.pick(QUEUES);
      const numbers = Array.from({ length: groups.pick([1, 10, 60]) }, () => next++).filter(
        (number) => queueOf(number) === queue,
      );
      if (numbers.length === 0) continue;
      const messages = numbers.map((number) => messageOf(number, random));
      await send(cast, ledger, numbers, messages, ['--wait', '-W', '2m', '-q', queue]);
    }
    sending = false;
    await raging;
    const { counts, wrong } = await settle(cast, ledger);
    for (const queue of QUEUES) {
      const isOfQueue = ({ text }) => queueOf(readMessage(text)?.number) === queue;
      wrong.push(...outOfOrder(consumer.records.filter(isOfQueue)));
    }
    if (counts.confirmed < counts.attempted) wrong.push('a send with --wait was not confirmed');
    return { counts, wrong, done: faults.done };
  },
};
