// A service manager ends a consumer: the signal goes to it and to all its commands, in any order. No attempt is
// spent (one would be too many: --max-attempts 1), and the next consumer does the work.
import { readdirSync, readFileSync } from 'node:fs';
import { Worker } from '../actor.mjs';
import { Faults } from '../faults.mjs';
import { Ledger } from '../ledger.mjs';
import { Fate } from '../message.mjs';
import { produce } from '../produce.mjs';
import { settle } from '../settle.mjs';

const FATES = [Fate.Ok, Fate.Long, Fate.Long, Fate.Long];
const CREW = [['-j', '3'], ['-j', '2'], []];
/** Fields of /proc/PID/stat behind the name: the state, then the parent's PID (proc(5)). */
const PARENT_FIELD = 1;

export const groups = {
  name: 'groups',
  brokerArgs: ['--max-attempts', '1'],
  env: { LONG: '1' },
  async play({ cast, random, sizes, until }) {
    const ledger = new Ledger();
    const faults = new Deploys(cast, random);
    await Promise.all(CREW.map((args) => cast.addConsumer(args, Worker)));
    let sending = true;
    const kinds = ['deploy', 'deploy', 'deploy', 'endConsumer', 'stopConsumer', 'stopBroker'];
    const raging = faults.rage(kinds, 400, () => sending);
    // Enough of them with work in hand.
    const most = () =>
      faults.signalled * 3 >= sizes.groups && ledger.confirmed.size >= sizes.groups;
    const goOn = () => (until > 0 ? Date.now() < until : !most());
    await produce(cast, ledger, random, {
      ...{ goOn, producers: 2, sizes: [1, 1, 5] },
      fateOf: (one) => one.pick(FATES),
    });
    sending = false;
    await raging;
    return {
      ...(await settle(cast, ledger)),
      done: { ...faults.done, 'commands signalled': faults.signalled },
    };
  },
};

class Deploys extends Faults {
  /** @override */
  isPatient = true;
  /** Commands that got the signal of their consumer. */
  signalled = 0;

  deploy = async () => {
    const workers = this.cast.livingConsumers.filter(({ blocks, mayEnd }) => blocks && !mayEnd);
    const busy = workers.filter(({ pid }) => descendantsOf(pid).length > 0);
    const worker = this.random.pick(this.random.oneIn(4) ? workers : busy);
    if (!worker) return false;
    const signal = this.random.pick(['SIGTERM', 'SIGTERM', 'SIGINT']);
    const commands = descendantsOf(worker.pid);
    worker.mayEnd = true;
    worker.signalled = true;
    const all = this.random.pick([
      [worker.pid, ...commands],
      [...commands, worker.pid],
      [...commands.slice(1), worker.pid, ...commands.slice(0, 1)],
    ]);
    for (const pid of all) {
      // Those below it are its children, or theirs: no number of them is another's before it has ended.
      if (pid === worker.pid) worker.signal(signal);
      else if (isBelow(pid, worker.pid)) sendTo(pid, signal);
    }
    this.signalled += commands.length;
    await this.replace(worker);
    return true;
  };
}

/** It may have ended since it was looked at. */
function sendTo(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function descendantsOf(root) {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    parents.set(parent, [...(parents.get(parent) ?? []), Number(name)]);
  }
  const below = (pid) => (parents.get(pid) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(root);
}

function isBelow(pid, root) {
  for (let one = pid; one > 1; one = parentOf(one)) if (one === root) return true;
  return false;
}

/** 0: it has ended. */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[PARENT_FIELD]);
  } catch {
    return 0;
  }
}
