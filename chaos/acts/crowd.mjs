// 100 producers and 100 consumers at once, all of them through the whole act.
import { setTimeout as sleep } from 'node:timers/promises';
import { drained } from '../cast.mjs';
import { Ledger } from '../ledger.mjs';
import { messageOf } from '../message.mjs';
import { confirmedLines } from '../produce.mjs';
import { settle } from '../settle.mjs';

/** Processes that start at once: each is busy for some 150 ms. */
const STARTS = 8;

export const crowd = {
  name: 'crowd',
  brokerArgs: [],
  async play({ cast, random, sizes }) {
    const ledger = new Ledger();
    let next = 0;
    const startedAt = performance.now();
    await severally(sizes.crowd, () => cast.addConsumer());
    const producers = Array.from({ length: sizes.crowd }, () => {
      const producer = cast.produce(['--wait', '-W', '10m', '--lines', '-']);
      return { producer, numbers: [] };
    });
    const startMs = performance.now() - startedAt;
    const feed = async ({ producer, numbers }, n) => {
      const mine = random.of(`producer ${n}`);
      do {
        const some = Array.from({ length: mine.int(1, 5) }, () => next++);
        numbers.push(...some);
        for (const number of some) ledger.attempted.add(number);
        const lines = some.map((number) => `${messageOf(number, random)}\n`);
        await drained(producer.child.stdin, lines.join(''));
        await sleep(mine.int(0, 3000));
      } while (next < sizes.crowd * 10);
      producer.child.stdin.end();
      const code = await producer.ended;
      const told = code === 0 ? numbers.length : confirmedLines(producer.said);
      for (const number of numbers.slice(0, told)) ledger.confirm(number);
    };
    await Promise.all(producers.map(feed));
    const { counts, wrong } = await settle(cast, ledger);
    if (counts.repeats > 0) wrong.push(`${counts.repeats} repeats, though nobody died`);
    if (counts.confirmed < counts.attempted) wrong.push('a send with --wait was not confirmed');
    const served = cast.consumers.filter(({ records }) => records.length > 0).length;
    if (served < sizes.crowd) wrong.push(`${sizes.crowd - served} consumers got nothing`);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    return {
      counts: { producers: sizes.crowd, consumers: served, ...counts },
      wrong,
      done: { 'ms to start all': Math.round(startMs), 'seconds in all': seconds },
    };
  },
};

async function severally(count, work) {
  let left = count;
  const one = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: STARTS }, one));
}
