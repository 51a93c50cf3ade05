// `npm run chaos`: sends messages while brokers, consumers and producers are killed and stopped and
// foreign signals fly, then compares what producers were told with what consumers wrote. Exits 1 when a
// confirmed message is missing, one was altered, or one was delivered again without a death to explain it.
//
//   --messages N   to send in the storm (default 2000)
//   --calm N       to send in order to one consumer that nobody kills (default 500)
//   --minutes M    go on sending for so long
//   --seed S       repeats the same faults; printed by every run
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Cast } from './cast.mjs';
import { Faults } from './faults.mjs';
import { Ledger, messageOf, outOfOrder } from './ledger.mjs';
import { Random } from './random.mjs';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '2000' },
    calm: { type: 'string', default: '500' },
    minutes: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const seed = Number(values.seed);
const CONSUMERS = 3;
const PRODUCERS = 4;
/** How long deliveries may take when the faults are over. */
const PATIENCE_MS = 120_000;
// Attempts must not run out: every kill spends some.
const BROKER = ['--max-attempts', '1000', '--ack-wait', '1m'];

/** Producers that send until `count` messages are on their way and the time is over. */
async function produce(cast, ledger, random, count, until) {
  let next = 0;
  const producer = async () => {
    while (next < count || Date.now() < until) {
      const numbers = Array.from({ length: random.pick([1, 1, 1, 20, 60]) }, () => next++);
      for (const number of numbers) ledger.attempted.add(number);
      const messages = numbers.map((number) => messageOf(number, random));
      const waiting = random.pick([[], ['--wait']]);
      const sender =
        numbers.length === 1
          ? cast.produce([...waiting, '-W', '30s', messages[0]])
          : cast.produce([...waiting, '-W', '30s', '--lines'], messages.join('\n'));
      const code = await sender.ended;
      const told = code === 0 ? numbers.length : confirmedLines(sender.said);
      for (const number of numbers.slice(0, told)) ledger.confirmed.add(number);
      if (code === 69) await sleep(100); // no broker at the moment
    }
  };
  await Promise.all(Array.from({ length: PRODUCERS }, producer));
}

function confirmedLines(said) {
  return Number(/(\d+) lines? w(?:as|ere) confirmed/.exec(said)?.[1] ?? 0);
}

async function delivered(cast, ledger) {
  const deadline = Date.now() + PATIENCE_MS;
  while (ledger.audit(cast.consumers).missing.length > 0 && Date.now() < deadline) await sleep(200);
  await sleep(1500); // for what should not come any more
}

async function storm(cast, random) {
  const ledger = new Ledger();
  const faults = new Faults(cast, random);
  let sending = true;
  await Promise.all(Array.from({ length: CONSUMERS }, () => cast.addConsumer()));
  const kinds = ['killBroker', 'killConsumer', 'killProducer', 'stopBroker', 'stopConsumer'];
  const raging = faults.rage([...kinds, 'stopProducer', 'foreignSignals'], 200, () => sending);
  const until = Date.now() + Number(values.minutes) * 60_000;
  await produce(cast, ledger, random, Number(values.messages), until);
  sending = false;
  await raging;
  await delivered(cast, ledger);
  const { counts, wrong } = ledger.audit(cast.consumers);
  return { counts, wrong, faults: faults.done };
}

/** One producer after the other, one consumer, nobody dies: the order is kept. */
async function calm(cast, random) {
  const ledger = new Ledger();
  const faults = new Faults(cast, random);
  let sending = true;
  const consumer = await cast.addConsumer();
  const kinds = ['stopBroker', 'stopConsumer', 'foreignSignals'];
  const raging = faults.rage(kinds, 300, () => sending);
  for (let next = 0; next < Number(values.calm); ) {
    const numbers = Array.from({ length: random.pick([1, 10, 60]) }, () => next++);
    for (const number of numbers) ledger.attempted.add(number);
    const lines = numbers.map((number) => messageOf(number, random)).join('\n');
    const sender = cast.produce(['--wait', '-W', '60s', '--lines'], lines);
    if ((await sender.ended) !== 0) return { wrong: [`send failed: ${sender.said}`] };
    for (const number of numbers) ledger.confirmed.add(number);
  }
  sending = false;
  await raging;
  await delivered(cast, ledger);
  const { counts, wrong } = ledger.audit([consumer]);
  return { counts, wrong: [...wrong, ...outOfOrder(consumer.lines)], faults: faults.done };
}

async function act(name, play, random) {
  const dir = mkdtempSync(join(tmpdir(), 'sigmq-chaos-'));
  const cast = new Cast(dir, BROKER);
  try {
    await cast.keepBroker();
    const { counts = {}, wrong, faults = {} } = await play(cast, random);
    console.log(`${name}: ${list(counts)}`);
    console.log(`  done to it: ${list(faults)}; brokers started: ${cast.brokers}`);
    for (const sentence of wrong.slice(0, 20)) console.log(`  WRONG: ${sentence}`);
    await cast.end();
    if (wrong.length === 0) rmSync(dir, { recursive: true, force: true });
    else console.log(`  all of it is in ${dir}`);
    return wrong.length === 0;
  } catch (error) {
    await cast.end();
    throw error;
  }
}

const list = (counts) =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');

console.log(`seed ${seed} (npm run chaos -- --seed ${seed} does the same faults again)`);
const random = new Random(seed);
const fine = [await act('calm ', calm, random), await act('storm', storm, random)];
if (fine.includes(false)) process.exitCode = 1;
else console.log('Nothing lost, nothing altered, nothing delivered again without a death.');
