// `send --key` with few keys: while a message with one waits or is held, also delayed, given back or between two
// attempts, no other is stored. What was said to be stored is handled, and what was not is not.
import { readFileSync } from 'node:fs';
import { Worker } from '../actor.mjs';
import { Faults } from '../faults.mjs';
import { KeyLedger } from '../key-ledger.mjs';
import { Fate, messageOf } from '../message.mjs';
import { produce } from '../produce.mjs';
import { comesToRest, settle } from '../settle.mjs';

/** The same keys in two queues. */
const KEYS = ['default', 'other'].flatMap((queue) =>
  ['a', 'b', 'größer'].map((key) => [queue, key]),
);
const FATES = [...Array(6).fill(Fate.Ok), Fate.Fail, Fate.Later, Fate.Bad, Fate.Slow, Fate.Slow];
/** Sent when no other message is left, one with each key. */
const ALONE = 1_000_000;

export const keys = {
  name: 'keys',
  brokerArgs: ['--max-attempts', '1000', '--backoff', '200ms'],
  env: { SLOW: '1' },
  async play({ cast, random, sizes, until }) {
    const ledger = new KeyLedger();
    const faults = new Faults(cast, random);
    const crew = ['4', '2', '1'];
    const args = ['-q', 'default', '-q', 'other', '-j'];
    await Promise.all(crew.map((jobs) => cast.addConsumer([...args, jobs], Worker)));
    let sending = true;
    const kinds = [
      ...['killBroker', 'killConsumer', 'killProducer', 'stopBroker', 'stopConsumer'],
      ...['restartBroker', 'endConsumer', 'stopProducer', 'foreignSignals', 'jumpClock'],
    ];
    const raging = faults.rage(kinds, 700, () => sending);
    await produce(cast, ledger, random, {
      ...{ count: sizes.keys, until, producers: 5, sizes: [1] },
      via: sendUnder((number) => random.of(`key ${number}`).pick(KEYS)),
      argsOf: (mine) => mine.pick([[], [], [], ['--delay', '700ms'], ['--priority', '5']]),
      fateOf: (one) => one.pick(FATES),
    });
    sending = false;
    await raging;
    await comesToRest(cast);
    for (const [n, key] of KEYS.entries()) {
      const number = ALONE + n;
      ledger.alone.add(number);
      const args = ['--wait', '-W', '1m'];
      await sendUnder(() => key)(cast, ledger, [number], [messageOf(number, random)], args);
    }
    return { ...(await settle(cast, ledger)), done: faults.done };
  },
};

/** What sends one message, as `send` in produce.mjs does. */
function sendUnder(keyOf) {
  return async (cast, ledger, [number], [message], args) => {
    const [queue, key] = keyOf(number);
    ledger.sending(number, `${queue}/${key}`);
    const sender = cast.produce([...args, '-q', queue, '--key', key, '--json', message], '');
    const code = await sender.ended;
    if (code === 0) ledger.told(number, JSON.parse(sender.text), secondsSinceBoot());
    if (code === 69 && args.includes('--wait'))
      cast.wrong.push(`send ${sender.pid} did not wait for a broker: ${sender.said}`);
    return code;
  };
}

/** As worker.sh tells when it began. */
function secondsSinceBoot() {
  return Number.parseFloat(readFileSync('/proc/uptime', 'latin1'));
}
