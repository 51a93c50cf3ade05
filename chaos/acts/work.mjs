// Consumers that run a command for each message: it fails, gives back, rejects, or takes longer than the
// ack-wait. Several queues, priorities and delays; processes are killed and stopped meanwhile.
import { Worker } from '../actor.mjs';
import { Faults } from '../faults.mjs';
import { Ledger } from '../ledger.mjs';
import { Fate } from '../message.mjs';
import { produce } from '../produce.mjs';
import { settle } from '../settle.mjs';

const FATES = [...Array(12).fill(Fate.Ok), Fate.Fail, Fate.Fail, Fate.Later, Fate.Bad, Fate.Slow];

export const work = {
  name: 'work',
  // worker.sh is slow for 4 s.
  brokerArgs: ['--ack-wait', '3s', '--backoff', '200ms', '--max-attempts', '1000'],
  async play({ cast, random, sizes, until }) {
    const ledger = new Ledger();
    const faults = new Faults(cast, random);
    let sending = true;
    const crew = [
      ['-q', 'default', '-q', 'other', '-j', '4'],
      ['-q', 'default', '-j', '2'],
      ['-q', 'other', '-q', 'default'],
    ];
    await Promise.all(crew.map((args) => cast.addConsumer(args, Worker)));
    const kinds = [
      ...['killBroker', 'killConsumer', 'stopBroker', 'stopConsumer', 'foreignSignals'],
      ...['restartBroker', 'endConsumer', 'jumpClock'],
    ];
    const raging = faults.rage(kinds, 1000, () => sending);
    await produce(cast, ledger, random, {
      count: sizes.work,
      until,
      producers: 2,
      argsOf: (mine) => [
        ...['-q', mine.pick(['default', 'other'])],
        ...mine.pick([[], [], ['--priority', '5'], ['--delay', '700ms']]),
      ],
      fateOf: (one) => one.pick(FATES),
    });
    sending = false;
    await raging;
    return { ...(await settle(cast, ledger)), done: faults.done };
  },
};
