// `npm run fuzz`: does to a real broker and its consumers what no honest process would: random signals from
// many processes, random frames, requests, files, stores, configuration and command lines. After each round
// everything must be well (see Stage.check): a good message is confirmed and delivered, nobody was hit who
// must not be, memory is bounded, and nothing turns idly. Exits 1 with the seed and the round that failed.
//
//   --seconds N    how long (default 60); the round under way is finished
//   --seed S       repeats the same rounds as far as processes allow; printed by every run
//   --round N      only that round of the seed
//   --rounds N     at most so many rounds
//   --kind K       only rounds of that kind: signals, requests, files, stores, commands, headers
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../chaos/random.mjs';
import { visible } from '../dist/src/cli/visible.js';
import { ROUNDS } from './rounds.mjs';
import { Stage } from './stage.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    round: { type: 'string' },
    rounds: { type: 'string', default: 'Infinity' },
    kind: { type: 'string' },
  },
});
const seed = Number(values.seed);
const only = values.round === undefined ? undefined : Number(values.round);
const kinds = values.kind === undefined ? Object.keys(ROUNDS) : [values.kind];
if (!kinds.every((kind) => kind in ROUNDS)) {
  console.error(`fuzz: --kind is one of ${Object.keys(ROUNDS).join(', ')}`);
  process.exit(64);
}

const dir = mkdtempSync(join(tmpdir(), 'sigmq-fuzz-'));
const stage = new Stage(dir);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await stage.close();
    process.kill(process.pid, signal);
  });
}
const done = {};
const until = Date.now() + Number(values.seconds) * 1000;
console.log(`seed ${seed}`);
let round = only ?? 0;
let kind = 'start';
try {
  await stage.open();
  do {
    const random = new Random(seed * 1_000_003 + round);
    kind = random.pick(kinds);
    await ROUNDS[kind](stage, random);
    await stage.check();

    done[kind] = (done[kind] ?? 0) + 1;
    round++;
  } while (only === undefined && Date.now() < until && round < Number(values.rounds));
  await stage.close();
  rmSync(dir, { recursive: true, force: true });
  const list = Object.entries(done).map(([name, count]) => `${count} ${name}`);
  console.log(`rounds: ${list.join(', ')}; the broker took at most ${Math.round(stage.rss)} MiB`);
  console.log('Nobody was hit, nothing crashed, nothing hung, every good message arrived.');
} catch (error) {
  console.log(visible(`WRONG in round ${round} (${kind}): ${error.stack}`));
  const which = values.kind === undefined ? '' : ` --kind ${values.kind}`;
  console.log(
    `again: npm run fuzz -- --seed ${seed} --round ${round}${which}; all of it is in ${dir}`,
  );
  process.exitCode = 1;
  await stage.close();
}
