// `npm run bench:stores -- [--json] [N]`: the store in a file beside the one in PostgreSQL, on the same work, with N
// messages waiting (default 100,000): durable publications one by one and in groups, what is handed out and settled
// one by one and together, and what looking costs. No signals: the wire is the same for both.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_POLICY } from '../dist/src/queue/policy.js';
import { PostgresStore } from '../dist/src/queue/postgres/postgres-store.js';
import { SqliteStore } from '../dist/src/queue/sqlite/sqlite-store.js';
import { PostgresServer, withoutPostgres } from '../dist/test/postgres/server.js';
import { bodies } from './payloads.mjs';

const { values: flags, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const WAITING = Number(positionals[0] ?? 100_000);
const FILL = 1000;
const GROUP = 48;
/** How long each measure goes on; ms. */
const MEASURE_MS = 1500;
/** Runs of each, in turn. */
const RUNS = 3;

const policy = { ...DEFAULT_POLICY, maxMessages: 1e8, maxBytes: 1e12 };
const JOBS = bodies('job', 20_000).map((job) => Buffer.from(job));
let made = 0;
const messages = (count) =>
  Array.from({ length: count }, () => {
    return { queue: 'default', priority: 0, body: JOBS[made++ % JOBS.length] };
  });

/** @returns operations per second; `work` does `each` of them */
async function rate(work, each = 1) {
  const began = performance.now();
  let done = 0;
  for (; performance.now() - began < MEASURE_MS; done += each) await work();
  return (done * 1000) / (performance.now() - began);
}

/** @returns ms, the median */
async function time(work) {
  const times = [];
  for (const began = performance.now(); performance.now() - began < MEASURE_MS; ) {
    const at = performance.now();
    await work();
    times.push(performance.now() - at);
  }
  return median(times);
}

async function handle(store, count) {
  const got = await store.reserve(['default'], Array(count).fill('1:1'));
  await store.settle(got.map(({ id }) => ({ id, outcome: { kind: 'done' } })));
}

/** By name: what is measured of a store, with so many waiting. */
const MEASURES = {
  'published singly, per second': (store) => rate(() => store.publish(messages(1))),
  [`published in groups of ${GROUP}, messages per second`]: (store) =>
    rate(() => store.publish(messages(GROUP)), GROUP),
  'reserved and settled singly, per second': (store) => rate(() => handle(store, 1)),
  'reserved and settled 64 together, messages per second': (store) =>
    rate(() => handle(store, 64), 64),
  'counts of all queues, ms': (store) => time(() => store.counts()),
  'a look at the first 10, ms': (store) => time(() => store.peek('default', { limit: 10 })),
};

async function measure(open) {
  const store = await open();
  try {
    for (let n = 0; n < WAITING; n += FILL) await store.publish(messages(FILL));
    const results = {};
    for (const [name, work] of Object.entries(MEASURES)) results[name] = await work(store);
    return results;
  } finally {
    await store.close();
  }
}

/** @returns ms from a publication by one broker until another one has the message, the median */
async function between(open) {
  const [from, to] = [await open('a'), await open('b')];
  try {
    let onNews = () => {};
    to.subscribe(() => onNews());
    return await time(async () => {
      const got = new Promise((resolve) => {
        onNews = async () => {
          const some = await to.reserve(['passed'], ['1:1']);
          if (some.length > 0) resolve(some);
        };
      });
      await from.publish([{ queue: 'passed', priority: 0, body: JOBS[0] }]);
      await to.settle((await got).map(({ id }) => ({ id, outcome: { kind: 'done' } })));
    });
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}

async function sqlite() {
  const folder = mkdtempSync(join(tmpdir(), 'sigmq-bench-'));
  try {
    return await measure(async () => SqliteStore.open(folder, policy, 'always'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function postgres() {
  const server = await PostgresServer.start();
  try {
    const url = server.url('bench');
    const open = (key = 'bench') => {
      const place = { key, host: 'host', dir: '/dir', version: '1' };
      return PostgresStore.open({ url, policy, place, leaseMs: 10_000 });
    };
    const results = await measure(open);
    return { ...results, [BETWEEN]: await between(open) };
  } finally {
    server.remove();
  }
}

const BETWEEN = 'from a publication by one broker until another has it, ms';
/** Where one of the two has it in memory, it says nothing. */
const ratio = (server, file) => (file > 0.01 ? (server / file).toFixed(2) : '-');
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const shown = (value) =>
  Number.isNaN(value) || value === undefined
    ? '-'
    : value >= 100
      ? Math.round(value).toLocaleString('en')
      : value.toFixed(2);

if (withoutPostgres) {
  console.log(`SKIPPED: ${withoutPostgres}.`);
  process.exit();
}
/** @type {{ SQLite: Record<string, number>[], PostgreSQL: Record<string, number>[] }} */
const runs = { SQLite: [], PostgreSQL: [] };
for (let run = 0; run < RUNS; run++) {
  runs.SQLite.push(await sqlite());
  runs.PostgreSQL.push(await postgres());
}
const rows = [...Object.keys(MEASURES), BETWEEN].map((name) => {
  const [file, server] = Object.values(runs).map((all) => median(all.map((one) => one[name])));
  return { name, file, server };
});
if (flags.json) console.log(JSON.stringify({ waiting: WAITING, rows }));
else {
  console.log(`| with ${WAITING.toLocaleString('en')} waiting | SQLite | PostgreSQL | ratio |`);
  console.log('|---|---|---|---|');
  for (const { name, file, server } of rows)
    console.log(`| ${name} | ${shown(file)} | ${shown(server)} | ${ratio(server, file)} |`);
}
