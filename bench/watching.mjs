// What `sigmq top` costs the broker: the part of a CPU that the broker uses with and without one, while 20 queues and 20
// consumers are idle, and while each of them gets a message every second. And the bits of an answer.
//   node bench/watching.mjs [SECONDS]     (20)
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inspector, Producer } from '../dist/lib/index.js';
import { onStage } from './stage.mjs';

const SECONDS = Number(process.argv[2] ?? 20);
const COUNT = 20;

/** Of all its threads, in ns: field 1 of schedstat (kernel: Documentation/scheduler/sched-stats.rst). */
function cpuMs(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const ns = threads.map((tid) =>
    Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]),
  );
  return ns.reduce((sum, one) => sum + one, 0) / 1e6;
}

const percent = (part) => `${(part * 100).toFixed(2)} %`;

await onStage(async (stage) => {
  const broker = await stage.broker(['--memory']);
  const { pid } = broker.child;
  const queues = Array.from({ length: COUNT }, (_, n) => `queue-${n}`);
  for (const queue of queues) await stage.consumer(['-q', queue]);
  const producer = await Producer.open({ dir: stage.dir });
  const inspector = await Inspector.open({ dir: stage.dir });

  /** The part of a CPU that the broker uses. */
  const used = async (work) => {
    const end = performance.now() + SECONDS * 1000;
    const before = cpuMs(pid);
    while (performance.now() < end) {
      const next = performance.now() + 1000;
      await work();
      await sleep(Math.max(0, next - performance.now()));
    }
    return (cpuMs(pid) - before) / (SECONDS * 1000);
  };
  const idle = async () => {};
  const busy = async () => {
    await Promise.all(queues.map((queue) => producer.send('hello', { queue })));
  };
  const bitsOf = async () => {
    return (await inspector.changes()).bits ?? 0;
  };

  /** The first answers, which tell everything, are over. */
  const watched = async () => {
    const top = stage.sigmq(['top', '--plain', '--interval', '1s']);
    await top.printed(1);
    await sleep(3000);
    return top;
  };

  for (const [name, work] of Object.entries({ idle, busy })) {
    await used(work); // so that all is compiled
    const without = await used(work);
    const top = await watched();
    const bits = await bitsOf();
    const bytes = top.bytes;
    const withTop = await used(work);
    const more = (await bitsOf()) - bits;
    await top.stop();
    console.log(
      `${name}: ${percent(without)} of a CPU, with top ${percent(withTop)}: ${percent(withTop - without)} more; ` +
        `${(more / SECONDS).toFixed(0)} bits/s in all, ${top.bytes - bytes} bytes printed`,
    );
  }
  await producer.close();
  await inspector.close();
});
process.exit();
