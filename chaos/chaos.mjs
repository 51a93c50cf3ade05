// `npm run chaos`: sends messages while everything goes wrong that can be made to go wrong, then compares
// what producers were told with what consumers wrote. Exits 1 when a confirmed message is missing, one was
// altered, or one was delivered again without a death or an expired ack-wait to explain it.
//
//   --minutes M     go on for so long, shared among the acts
//   --seed S        takes the same decisions again; every run prints its seed
//   --acts a,b      some of them only: calm, storm, work, kick, restore, longjobs, ttl, givebacks, groups,
//                   fanout, asks, keys, deleted, registry, strangers, disk, crowd
//   --messages N    to send in the storm, at least (500); the other acts: --calm, --work, --kick, --longjobs,
//                   --ttl, --givebacks, --groups, --fanout, --asks (that got a reply), --keys (stored),
//                   --registry, --disk
//   --restore N     stores opened one after the other (12); --deleted N: files deleted (10);
//                   --strangers N: PIDs given away (30)
//   --long S        seconds of a long job (65: more than any wait that sigmq has)
//   --crowd N       producers, and as many consumers, at once (100)
//   --store postgres  two hosts with a broker each, which share their queues in a PostgreSQL to which everything
//                   happens as well; without the acts that are about files
//   --keep          keep the folder of the run also when nothing was wrong
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { killAll } from './actor.mjs';
import { asks } from './acts/asks.mjs';
import { calm } from './acts/calm.mjs';
import { crowd } from './acts/crowd.mjs';
import { deleted } from './acts/deleted.mjs';
import { disk } from './acts/disk.mjs';
import { fanout } from './acts/fanout.mjs';
import { givebacks } from './acts/givebacks.mjs';
import { groups } from './acts/groups.mjs';
import { keys } from './acts/keys.mjs';
import { kick } from './acts/kick.mjs';
import { longjobs } from './acts/longjobs.mjs';
import { registry } from './acts/registry.mjs';
import { restore } from './acts/restore.mjs';
import { storm } from './acts/storm.mjs';
import { strangers } from './acts/strangers.mjs';
import { ttl } from './acts/ttl.mjs';
import { work } from './acts/work.mjs';
import { Cast } from './cast.mjs';
import { Clock } from './clock.mjs';
import { Engine, withoutEngine } from './engine.mjs';
import { isPrivate, runPrivately } from './namespace.mjs';
import { Decoys } from './pid-reuse.mjs';
import { Random } from './random.mjs';

/** Each with its share of the minutes; the crowd takes as long as it takes. */
const SHARES = new Map([
  [calm, 0.05],
  [storm, 0.25],
  [work, 0.1],
  [kick, 0.1],
  [restore, 0.1],
  [longjobs, 0.02],
  [ttl, 0.05],
  [givebacks, 0.03],
  [groups, 0.05],
  [fanout, 0.05],
  [asks, 0.05],
  [keys, 0.05],
  [deleted, 0.05],
  [registry, 0.07],
  [strangers, 0.08],
  [disk, 0.05],
  [crowd, 0],
]);
const ACTS = [...SHARES.keys()];
const shareOf = (act) => SHARES.get(act) ?? 0;
const FOLDER = 'SIGMQ_CHAOS_FOLDER';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    acts: { type: 'string', default: ACTS.map(({ name }) => name).join() },
    messages: { type: 'string', default: '500' },
    calm: { type: 'string', default: '300' },
    work: { type: 'string', default: '60' },
    kick: { type: 'string', default: '80' },
    restore: { type: 'string', default: '12' },
    longjobs: { type: 'string', default: '12' },
    long: { type: 'string', default: '65' },
    ttl: { type: 'string', default: '80' },
    givebacks: { type: 'string', default: '60' },
    groups: { type: 'string', default: '60' },
    fanout: { type: 'string', default: '60' },
    asks: { type: 'string', default: '60' },
    keys: { type: 'string', default: '60' },
    deleted: { type: 'string', default: '10' },
    registry: { type: 'string', default: '200' },
    strangers: { type: 'string', default: '30' },
    disk: { type: 'string', default: '400' },
    crowd: { type: 'string', default: '100' },
    keep: { type: 'boolean', default: false },
    store: { type: 'string', default: 'sqlite' },
  },
});
const seed = Number(values.seed);
const sizes = Object.fromEntries(
  Object.entries(values).map(([name, value]) => [name, Number(value)]),
);
const wanted = values.acts.split(',').map((name) => {
  const act = ACTS.find((other) => other.name === name);
  if (!act) throw new Error(`there is no act "${name}"`);
  return act;
});

/** Everything that the run leaves, removed unless something was wrong. */
async function inFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'sigmq-chaos-'));
  let keep = true;
  try {
    keep = !(await work(folder)) || values.keep;
  } finally {
    if (!keep) rmSync(folder, { recursive: true, force: true });
    else console.log(`  what the processes wrote and said is in ${folder}`);
  }
}

async function play(act, folder, share) {
  const dir = join(folder, act.name);
  mkdirSync(dir);
  const places = act.prepare?.(dir);
  const engine = values.store === 'postgres' ? await Engine.start() : undefined;
  const clock = act.keepsTime ? undefined : Clock.make(dir);
  const decoys = isPrivate && Decoys.arePossible ? new Decoys() : undefined;
  const { brokerArgs, env = {} } = act;
  const cast = new Cast(dir, { brokerArgs, env, clock, engine, ...places });
  if (engine) cast.mayFailToStart = () => engine.isAway;
  const random = new Random(seed).of(act.name);
  const until = sizes.minutes > 0 ? Date.now() + sizes.minutes * 60_000 * share : 0;
  const startedAt = performance.now();
  try {
    await cast.keepBroker();
    const scene = { cast, random, sizes, until, decoys };
    const { counts, wrong, done } = await act.play(scene).catch(brokenOff);
    const memory = cast.broker.megabytes;
    await cast.end();
    wrong.push(...cast.wrong, ...(decoys?.wrong ?? []));
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.log(
      `${act.name}: ${list(counts)}; ${seconds} s, the last of ${cast.brokers} brokers has ${memory} MB`,
    );
    console.log(`  done to it: ${list(done)}`);
    for (const sentence of wrong.slice(0, 20)) console.log(`  WRONG: ${sentence}`);
    if (wrong.length > 20) console.log(`  and ${wrong.length - 20} more`);
    return wrong.length === 0;
  } finally {
    await cast.end();
    await decoys?.end();
    engine?.end();
  }
}

/** An act that cannot go on shows that something is wrong, too. */
function brokenOff(error) {
  return { counts: {}, done: {}, wrong: [`it was broken off: ${error.stack}`] };
}

async function run(folder) {
  if (values.store === 'postgres' && withoutEngine) {
    console.log(`SKIPPED: everything: ${withoutEngine}.`);
    return true;
  }
  const acts = wanted.filter(({ name, needs, needsFile }) => {
    if (needsFile && values.store === 'postgres') return false;
    if (needs === undefined || isPrivate) return true;
    console.log(`SKIPPED: ${name}, which needs ${needs} of its own.`);
    return false;
  });
  if (!isPrivate) console.log('SKIPPED: PID reuse, which needs a PID namespace of its own.');
  if (!Clock.make(folder)) console.log('SKIPPED: clock jumps, which need a C compiler (cc).');
  const total = acts.reduce((sum, act) => sum + shareOf(act), 0) || 1;
  let fine = true;
  for (const act of acts) fine = (await play(act, folder, shareOf(act) / total)) && fine;
  return fine;
}

const list = (counts) =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');

async function main(folder) {
  const again = process.argv
    .slice(2)
    .filter((word, n, all) => word !== '--seed' && all[n - 1] !== '--seed');
  const command = ['npm run chaos --', ...again, '--seed', seed].join(' ');
  console.log(`seed ${seed} (${command} takes the same decisions again)`);
  const fine = await run(folder);
  console.log(
    fine
      ? 'Nothing lost, nothing altered, nothing delivered again without a reason.'
      : `Something is WRONG. Again: ${command}`,
  );
  if (!fine) process.exitCode = 1;
  return fine;
}

if (process.env[FOLDER]) {
  // The outer process removes the folder, however this one ends.
  process.exitCode = (await main(process.env[FOLDER])) ? 0 : 1;
  process.exit();
}
await inFolder(async (folder) => {
  const flags = values.store === 'postgres' ? ['--net'] : [];
  const inside = await runPrivately({ [FOLDER]: folder }, flags);
  if (inside) return inside.interrupted || inside.code === 0;
  // Here nobody else cleans up after an interruption.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => process.exit(1));
  process.on('exit', () => {
    if (killAll() > 0) rmSync(folder, { recursive: true, force: true });
  });
  return main(folder);
});
