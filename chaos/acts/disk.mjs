// The store and the runtime directory are on small disks that are full again and again.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Faults } from '../faults.mjs';
import { Ledger } from '../ledger.mjs';
import { produce } from '../produce.mjs';
import { settle } from '../settle.mjs';
import { SmallDisk } from '../small-disk.mjs';

export const disk = {
  name: 'disk',
  needsFile: true,
  needs: 'file systems',
  brokerArgs: ['--max-attempts', '1000'],
  prepare(dir) {
    const run = join(dir, 'run');
    const state = join(dir, 'state');
    // The write-ahead log alone takes 4 MB before it is used again.
    this.state = new SmallDisk(state, { megabytes: 24, inodes: 40 });
    this.run = new SmallDisk(run, { megabytes: 1, inodes: 300 });
    return { run, state };
  },
  async play({ cast, random, sizes, until }) {
    const ledger = new Ledger();
    const faults = new Faults(cast, random);
    const mine = random.of('disk');
    let sending = true;
    let full;
    cast.mayFailToStart = () => full !== undefined;
    cast.mayFailToRegister = () => full !== undefined;
    await Promise.all([1, 2, 3].map(() => cast.addConsumer()));
    const done = {};
    const fill = async () => {
      const disk = mine.pick([this.state, this.state, this.run]);
      full = disk;
      const how = disk === this.run && mine.oneIn(2) ? 'fillWithFiles' : 'fill';
      const until = performance.now() + mine.int(300, 4000);
      // Again and again: whoever removes a file makes room.
      for (; performance.now() < until; await sleep(20)) disk[how]();
      disk.empty();
      const name = disk === this.state ? 'full store' : `full runtime directory (${how})`;
      done[name] = (done[name] ?? 0) + 1;
      await sleep(mine.int(300, 2000));
      full = undefined;
    };
    const filling = (async () => {
      while (sending) await fill();
    })();
    const kinds = ['killBroker', 'killConsumer', 'killProducer', 'stopConsumer', 'jumpClock'];
    const raging = faults.rage(kinds, 1500, () => sending);
    await produce(cast, ledger, random, { count: sizes.disk, until });
    sending = false;
    await Promise.all([raging, filling]);
    const { counts, wrong } = await settle(cast, ledger);
    counts.refused = ledger.refused.size;
    return { counts, wrong, done: { ...faults.done, ...done } };
  },
};
