// consumers.txt is edited by others all the time; plain consumers stand in it beside ours. When the plain
// ones have gone strangers get their PIDs. No broker is killed: a plain consumer would get half a message.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Faults } from '../faults.mjs';
import { Ledger } from '../ledger.mjs';
import { messageOf } from '../message.mjs';
import { produce, send } from '../produce.mjs';
import { RegistryEdits } from '../registry-edits.mjs';
import { settle } from '../settle.mjs';

const PATIENCE_MS = 60_000;

export const registry = {
  name: 'registry',
  // It compares the times of files with start times.
  keepsTime: true,
  brokerArgs: ['--max-attempts', '1000'],
  async play({ cast, random, sizes, until, decoys }) {
    const ledger = new Ledger();
    const faults = new Faults(cast, random, decoys);
    const bystander = cast.addBystander();
    const edits = new RegistryEdits(cast.run, random, [bystander.pid, bystander.pid]);
    let sending = true;
    const plain = [await cast.addPlainConsumer(), await cast.addPlainConsumer(['--no-newline'])];
    // They end the line that lacks its end, before another program appends to it.
    await Promise.all([1, 2, 3].map(() => cast.addConsumer()));
    const editing = edits.rage(() => sending);
    const kinds = ['killConsumer', 'endConsumer', 'stopConsumer', 'reusePid'];
    const raging = faults.rage(kinds, 500, () => sending);
    await produce(cast, ledger, random, { count: sizes.registry, until, producers: 2 });
    sending = false;
    await Promise.all([editing, raging]);
    const { wrong } = await settle(cast, ledger);
    const before = new Map(cast.livingConsumers.map((one) => [one, one.records.length]));
    await sendSome({ cast, ledger, random, from: 1_000_000 });
    await settle(cast, ledger);
    for (const [consumer, count] of before) {
      if (consumer.records.length === count) wrong.push(`consumer ${consumer.pid} gets nothing`);
    }
    if (decoys) await replacePlain({ cast, ledger, random, decoys, plain });
    const { counts, wrong: more } = await settle(cast, ledger);
    if (!bystander.lives) more.push(`the bystander ended with ${await bystander.exited}`);
    await bystander.kill();
    const lines = { 'lines of others': edits.lines };
    const done = { ...faults.done, ...edits.done };
    return { counts: { ...counts, ...lines }, wrong: [...wrong, ...more, ...edits.audit()], done };
  },
};

/** Nothing is wanted of a stranger who has the PID that stands in a plain consumer's line. */
async function replacePlain({ cast, ledger, random, decoys, plain }) {
  for (const consumer of plain) {
    consumer.mayEnd = true;
    consumer.signal('SIGTERM');
    await consumer.exited;
    await decoys.take(consumer.pid, 'stubborn');
  }
  const file = join(cast.run, 'consumers.txt');
  const stand = () =>
    plain.some(({ pid }) =>
      new RegExp(`^${pid}( start=\\d+)?$`, 'm').test(readFileSync(file, 'latin1')),
    );
  const deadline = Date.now() + PATIENCE_MS;
  while (stand() && Date.now() < deadline) await sleep(100);
  if (stand()) cast.wrong.push('lines of plain consumers that ended stay in consumers.txt');
  await sendSome({ cast, ledger, random, from: 2_000_000 });
}

/** Enough for everybody: each gets one in its turn. */
async function sendSome({ cast, ledger, random, from }) {
  const numbers = Array.from({ length: 60 }, (_, n) => from + n);
  const messages = numbers.map((number) => messageOf(number, random));
  await send(cast, ledger, numbers, messages, ['--wait', '-W', '1m']);
}
