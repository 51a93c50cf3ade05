// The figures that sigmq is judged by, each beside its yardstick and from the same run:
//   npm run bench -- [--runs N] [--busy] [--json] [--report]
// Medians of N runs (5 unless told) with the smallest and the largest. --busy: while other processes
// want every CPU. --report: all of it, busy and with a backlog too, into docs/benchmarks.md and its chart.
// Timing is judged here, never by a test.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as measure from './measures.mjs';
import { ROOT } from './stage.mjs';

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    busy: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
    'in-busy': { type: 'boolean', default: false },
  },
});
const runs = Number(flags.runs);
if (!Number.isInteger(runs) || runs < 1 || runs > 100) {
  console.error('bench: --runs takes 1 to 100');
  process.exit(64);
}
if (flags.busy) {
  const self = [process.execPath, process.argv[1], '--in-busy', '--runs', flags.runs];
  if (flags.json) self.push('--json');
  const inBusy = join(ROOT, 'scripts/in-busy.mjs');
  process.exit(
    spawnSync(process.execPath, [inBusy, '--', ...self], { stdio: 'inherit' }).status ?? 1,
  );
}
const busy = flags['in-busy'];

function summary(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/** Producers, or consumers, at once. */
const MANY = 20;
const scratch = mkdtempSync(join(tmpdir(), 'sigmq-bench-'));
const samples = {};
const take = (name, value) => {
  samples[name] ??= [];
  samples[name].push(value);
};
try {
  const yardstick = measure.buildYardstick(scratch);
  for (let run = 1; run <= runs; run++) {
    if (!flags.json) process.stderr.write(`run ${run} of ${runs}\r`);
    // With other programs on the CPUs a bit takes ten times as long: fewer of them.
    const before = measure.limit(yardstick, busy ? 20_000 : undefined);
    take('link', await measure.link(busy ? 4_000 : undefined));
    take('limit', (before + measure.limit(yardstick, busy ? 20_000 : undefined)) / 2);
    take('endToEnd', await measure.endToEnd(busy ? 4_000 : undefined));
    take('paced', measure.paced());
    take('smallPerSecond', await measure.smallMessages(busy ? 200 : undefined));
    if (busy) continue;
    take('oneProducerPerSecond', await measure.producers(1));
    take('manyProducersPerSecond', await measure.producers(MANY));
    take('oneConsumerPerSecond', await measure.consumers(1));
    take('manyConsumersPerSecond', await measure.consumers(MANY));
    take('idleWakeUpsPerSecond', await measure.idleWakeUps());
    const { bare, version, send } = await measure.startUp();
    take('nodeMs', bare);
    take('versionMs', version);
    take('sendMs', send);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

const figures = Object.fromEntries(
  Object.entries(samples).map(([name, values]) => [name, summary(values)]),
);
/** Of the two samples of each run. */
const ratio = (over, under) =>
  summary(samples[over].map((value, run) => value / samples[under][run]));
const ratios = {
  'link speed / limit': ratio('limit', 'link'),
  'end to end speed / limit': ratio('limit', 'endToEnd'),
  'end to end speed / paced': ratio('paced', 'endToEnd'),
  ...(busy
    ? {}
    : {
        [`${MANY} producers at once / one`]: ratio(
          'manyProducersPerSecond',
          'oneProducerPerSecond',
        ),
        [`${MANY} consumers / one`]: ratio('manyConsumersPerSecond', 'oneConsumerPerSecond'),
        'sigmq --version / node -e 0': ratio('versionMs', 'nodeMs'),
        'sigmq send hello / node -e 0': ratio('sendMs', 'nodeMs'),
      }),
};
const machine = { cpu: cpus()[0]?.model, cpus: cpus().length, node: process.version, busy };

const LABELS = {
  limit: '(a) limit: C, blocked signals, polling ping-pong, µs/bit',
  link: '(b) link, process to process, µs/bit',
  endToEnd: '(c) sigmq send of a file to the end, two hops, µs/bit',
  paced: '(d) paced with 1 ms, µs/bit',
  smallPerSecond: 'send --lines of 20 bytes to the end, messages/s',
  oneProducerPerSecond: 'one producer, each message confirmed, messages/s',
  manyProducersPerSecond: `${MANY} producers at once, each message confirmed, messages/s`,
  oneConsumerPerSecond: 'one consumer, from what waits, messages/s',
  manyConsumersPerSecond: `${MANY} consumers, from what waits, messages/s`,
  idleWakeUpsPerSecond: 'idle broker and consumer, wake-ups/s',
  nodeMs: 'node -e 0, ms',
  versionMs: 'sigmq --version, ms',
  sendMs: 'sigmq send hello, ms',
};

const result = { machine, runs, figures, ratios, samples };

if (flags.report) {
  const { report } = await import('./report.mjs');
  report({ labels: LABELS, quiet: result });
} else if (flags.json) console.log(JSON.stringify(result));
else {
  const row = (label, { median, min, max }, digits) =>
    console.log(
      `${label.padEnd(58)}${[median, min, max].map((value) => value.toFixed(digits).padStart(10)).join('')}`,
    );
  console.log(
    `${machine.cpus} × ${machine.cpu}, Node ${machine.node}${busy ? ', every CPU busy' : ''}`,
  );
  console.log(`${''.padEnd(58)}    median       min       max   (${runs} runs)`);
  for (const [name, label] of Object.entries(LABELS))
    if (figures[name]) row(label, figures[name], 1);
  for (const [label, figure] of Object.entries(ratios)) row(label, figure, 2);
}
