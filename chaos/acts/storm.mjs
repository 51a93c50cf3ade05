// Everybody is killed, stopped and shot at, the clock jumps, and strangers get the PIDs of the dead.
import { Faults } from '../faults.mjs';
import { Ledger } from '../ledger.mjs';
import { produce } from '../produce.mjs';
import { settle } from '../settle.mjs';

const CONSUMERS = 3;

export const storm = {
  name: 'storm',
  // Attempts must not run out: every kill spends some.
  brokerArgs: ['--max-attempts', '1000'],
  async play({ cast, random, sizes, until, decoys }) {
    const ledger = new Ledger();
    const faults = new Faults(cast, random, decoys);
    let sending = true;
    await Promise.all(Array.from({ length: CONSUMERS }, () => cast.addConsumer()));
    const kinds = [
      ...['killBroker', 'killConsumer', 'killProducer', 'stopBroker', 'stopConsumer'],
      ...['restartBroker', 'endConsumer', 'stopProducer', 'foreignSignals', 'jumpClock'],
      ...['reusePid', 'reusePidOfStopped', 'reusePidOfBroker'],
    ];
    const raging = faults.rage(kinds, 400, () => sending);
    await produce(cast, ledger, random, { count: sizes.messages, until });
    sending = false;
    await raging;
    return { ...(await settle(cast, ledger)), done: faults.done };
  },
};
