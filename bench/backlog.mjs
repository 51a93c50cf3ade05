// `npm run bench:backlog -- [--json] [N]`: what a send and a delivery cost with N messages waiting (default
// 1,000,000) beside 1,000, the broker's memory, and how long a restart takes until the first delivery.
// The backlog is put into the store directly: over the wire it would take half an hour.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_POLICY } from '../dist/src/queue/policy.js';
import { SqliteStore } from '../dist/src/queue/sqlite/sqlite-store.js';
import { onStage, timed } from './stage.mjs';

const { values: flags, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const LARGE = Number(positionals[0] ?? 1_000_000);
const SMALL = 1000;
const BATCH = 1000;
const SENDS = 1000;
/** Runs of each, in turn. */
const RUNS = 3;
const LINE_BYTES = 20;

const line = (n) => String(n).padStart(LINE_BYTES, 'message ');

async function fill(folder, count) {
  const store = SqliteStore.open(folder, DEFAULT_POLICY, 'never');
  for (let n = 0; n < count; n += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - n) }, (_, i) => ({
      queue: 'default',
      body: Buffer.from(line(n + i)),
      priority: 0,
    }));
    await store.publish(batch);
  }
  await store.close();
}

const residentMiB = (pid) =>
  Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;

/** @returns ms per send (in a run of --lines) and per delivery, MiB, ms from start to first delivery */
const measure = (count) =>
  onStage(async (stage) => {
    const data = join(stage.dir, 'data');
    await fill(data, count);
    const args = ['--data', data];
    const first = await stage.broker(args);
    const lines = Array.from({ length: SENDS }, (_, n) => line(n)).join('\n');
    const send = (await timed(() => stage.run(['send', '--lines'], lines))).ms / SENDS;
    await first.stop();
    const consumer = await stage.consumer();
    const { ms: restart, result: broker } = await timed(async () => {
      const second = await stage.broker(args);
      await consumer.printed(LINE_BYTES + 1);
      return second;
    });
    const before = consumer.bytes;
    const wanted = before + SENDS * (LINE_BYTES + 1);
    const deliver = (await timed(() => consumer.printed(wanted))).ms / SENDS;
    return { send, deliver, restart, memory: residentMiB(broker.child.pid) };
  });

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const runs = [];
for (let n = 0; n < RUNS; n++) runs.push([await measure(SMALL + SENDS), await measure(LARGE)]);

const ROWS = [
  ['send', 'ms', 'send'],
  ['delivery', 'ms', 'deliver'],
  ['restart to first delivery', 'ms', 'restart'],
  ['memory of the broker', 'MiB', 'memory'],
].map(([name, unit, key]) => {
  const [small, large] = [0, 1].map((which) => median(runs.map((run) => run[which][key])));
  return { name, unit, small, large, ratio: median(runs.map(([s, l]) => l[key] / s[key])) };
});
if (flags.json) console.log(JSON.stringify({ small: SMALL, large: LARGE, runs: RUNS, rows: ROWS }));
else {
  console.log(
    `${'messages waiting'.padEnd(30)} ${String(SMALL).padStart(9)} ${String(LARGE).padStart(9)}      medians of ${RUNS}`,
  );
  for (const { name, unit, small, large, ratio } of ROWS) {
    const [few, many] = [small, large].map((value) => value.toFixed(2).padStart(9));
    console.log(`${name.padEnd(30)} ${few} ${many} ${unit.padEnd(4)} ratio ${ratio.toFixed(2)}`);
  }
}
