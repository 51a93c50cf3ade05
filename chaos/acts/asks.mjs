// `sigmq ask`, and workers with `consume --reply`: who asks gets the reply to its own message, or hears why there is
// none, whoever is killed and stopped meanwhile.
import { Worker } from '../actor.mjs';
import { AskLedger } from '../ask-ledger.mjs';
import { Faults } from '../faults.mjs';
import { Fate } from '../message.mjs';
import { produce } from '../produce.mjs';
import { settle } from '../settle.mjs';

const FATES = [...Array(6).fill(Fate.Ok), Fate.Three, Fate.Three, Fate.Later, Fate.Bad, Fate.Slow];
/** Longer than all that is done here; no jump of the clock takes a message away. */
const PATIENT = ['-W', '3m', '--ttl', '30d'];
/** Shorter than some work, and than some deaths of the broker. */
const HASTY = ['-W', '1500ms'];

export const asks = {
  name: 'asks',
  brokerArgs: ['--max-attempts', '1000', '--backoff', '200ms'],
  env: { SLOW: '1' },
  async play({ cast, random, sizes, until, decoys }) {
    const ledger = new AskLedger();
    const faults = new Faults(cast, random, decoys);
    const crew = [['-j', '4'], ['-j', '2'], []];
    await Promise.all(crew.map((args) => cast.addConsumer(['--reply', ...args], Worker)));
    let sending = true;
    const kinds = [
      ...['killBroker', 'killConsumer', 'killProducer', 'stopBroker', 'stopConsumer'],
      ...['restartBroker', 'endConsumer', 'stopProducer', 'foreignSignals', 'jumpClock'],
      ...['reusePid', 'reusePidOfStopped'],
    ];
    const raging = faults.rage(kinds, 700, () => sending);
    await produce(cast, ledger, random, {
      ...{ count: sizes.asks, until, producers: 5, sizes: [1], via: ask },
      argsOf: (mine) => mine.pick([PATIENT, PATIENT, PATIENT, HASTY]),
      fateOf: (one) => one.pick(FATES),
    });
    sending = false;
    await raging;
    return { ...(await settle(cast, ledger)), done: faults.done };
  },
};

/** Asks with one message. @returns its exit code */
async function ask(cast, ledger, [number], [message], args) {
  ledger.attempted.add(number);
  const asker = cast.produce([...args, message], '', 'ask');
  const code = await asker.ended;
  const { text, said, died } = asker;
  const mayWait = args.includes('--wait');
  const isHasty = !args.includes('--ttl');
  if (!died) ledger.answered(number, { code, text, said, mayWait, isHasty });
  return code;
}
