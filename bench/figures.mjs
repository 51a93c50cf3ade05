// What is measured of sigmq alone, in which order, and what each figure is called.
import { consumers, producers } from './measures/crowd.mjs';
import { both, consume, publish } from './measures/messages.mjs';
import { idleWakeUps, startUp } from './measures/programs.mjs';
import { buildYardstick, endToEnd, limit, link, paced, wholeMessage } from './measures/wire.mjs';
import { bytes, jobText } from './payloads.mjs';
import { onStage } from './stage.mjs';
import { summaries, summary } from './summary.mjs';

/** Producers, or consumers, at once. */
const MANY = 20;
/** Messages on the way at a time where they go in groups. */
const GROUP = 64;
/** With every CPU busy a bit takes ten times as long: fewer of them. */
const BUSY = { limitBits: 20_000, bytes: 4_000, messages: 200 };

const JOBS = 'JSON jobs of 177 bytes';
const ORDERS = 'JSON orders of 166 bytes, 74 bits of them new';
const SHORT = 'lines of 20 bytes';
export const LABELS = {
  limit: '(a) limit: C, blocked signals, polling ping-pong, µs/bit',
  link: '(b) link, process to process, µs/bit',
  endToEnd: '(c) sigmq send of a file to the end, two hops, µs/bit',
  paced: '(d) paced with 1 ms, µs/bit',
  jobPublish: `${JOBS}: send --lines alone, messages/s`,
  jobConsume: `${JOBS}: consume alone, messages/s`,
  jobBoth: `${JOBS}: both at once, messages/s`,
  orderPublish: `${ORDERS}: send --lines alone, messages/s`,
  orderConsume: `${ORDERS}: consume alone, messages/s`,
  orderBoth: `${ORDERS}: both at once, messages/s`,
  shortPublish: `${SHORT}: send --lines alone, messages/s`,
  shortConsume: `${SHORT}: consume alone, messages/s`,
  shortBoth: `${SHORT}: both at once, messages/s`,
  logBoth: 'log lines of 83 bytes: both at once, messages/s',
  printableBoth: 'random lines of 177 bytes: both at once, messages/s',
  textMs: 'one message, 64 KiB of JSON lines, to the end, ms',
  bytesMs: 'one message, 64 KiB of random bytes, to the end, ms',
  oneProducer: 'one producer of jobs, each confirmed singly, messages/s',
  oneProducerGroups: `one producer of jobs, ${GROUP} at a time, messages/s`,
  manyProducers: `${MANY} producers of jobs at once, each confirmed singly, messages/s`,
  oneConsumer: 'one consumer of jobs, from what waits, messages/s',
  manyConsumers: `${MANY} consumers of jobs, from what waits, messages/s`,
  idleWakeUps: 'idle broker and consumer, wake-ups/s',
  nodeMs: 'node -e 0, ms',
  versionMs: 'sigmq --version, ms',
  sendMs: 'sigmq send hello, ms',
};

/** Each of two samples of the same run. @type {[label: string, over: keyof typeof LABELS, under: keyof typeof LABELS][]} */
const RATIOS = [
  ['link speed / limit', 'limit', 'link'],
  ['end to end speed / limit', 'limit', 'endToEnd'],
  ['end to end speed / paced', 'paced', 'endToEnd'],
  [`${GROUP} at a time / each confirmed singly`, 'oneProducerGroups', 'oneProducer'],
  [`${MANY} producers at once / one`, 'manyProducers', 'oneProducer'],
  [`${MANY} consumers / one`, 'manyConsumers', 'oneConsumer'],
  ['sigmq --version / node -e 0', 'versionMs', 'nodeMs'],
  ['sigmq send hello / node -e 0', 'sendMs', 'nodeMs'],
];

/** @typedef {AsyncGenerator<[name: keyof typeof LABELS, value: number]>} Samples */

/** How long a bit takes, the limit before the link and after it. @returns {Samples} */
async function* wire(yardstick, busy) {
  const bits = busy ? BUSY.limitBits : undefined;
  const size = busy ? BUSY.bytes : undefined;
  const before = limit(yardstick, bits);
  yield ['link', await link(size)];
  yield ['limit', (before + limit(yardstick, bits)) / 2];
  yield ['endToEnd', await endToEnd(size)];
  yield ['paced', paced()];
}

/** @returns {Samples} */
async function* quiet(messages) {
  yield ['jobPublish', await publish('job', messages)];
  yield ['jobConsume', await consume('job', messages)];
  yield ['jobBoth', await both('job', messages)];
  yield ['orderPublish', await publish('order', messages)];
  yield ['orderConsume', await consume('order', messages)];
  yield ['orderBoth', await both('order', messages)];
  yield ['shortPublish', await publish('short', messages)];
  yield ['shortConsume', await consume('short', messages)];
  yield ['shortBoth', await both('short', messages)];
  yield ['logBoth', await both('log', messages)];
  yield ['printableBoth', await both('printable', messages)];
  yield ['textMs', await wholeMessage(jobText())];
  yield ['bytesMs', await wholeMessage(bytes())];
  // One by one: fewer do.
  const few = Math.max(MANY, Math.round(messages / 5));
  yield ['oneProducer', await producers(1, { messages: few })];
  yield ['oneProducerGroups', await producers(1, { messages, group: GROUP })];
  yield ['manyProducers', await producers(MANY, { messages: few })];
  yield ['oneConsumer', await consumers(1, few)];
  yield ['manyConsumers', await consumers(MANY, few)];
  yield ['idleWakeUps', await idleWakeUps()];
  const { bare, version, send } = await startUp();
  yield ['nodeMs', bare];
  yield ['versionMs', version];
  yield ['sendMs', send];
}

/** @param {{ runs: number, messages: number, busy: boolean, progress: (text: string) => void }} options */
export async function measureSigmq({ runs, messages, busy, progress }) {
  /** @type {Record<string, number[]>} */
  const samples = {};
  const take = (/** @type {number} */ run, /** @type {[string, number]} */ [name, value]) => {
    progress(`run ${run} of ${runs}, ${name}`);
    samples[name] ??= [];
    samples[name].push(value);
  };
  await onStage(async ({ dir }) => {
    const yardstick = buildYardstick(dir);
    for (let run = 1; run <= runs; run++) {
      for await (const sample of wire(yardstick, busy)) take(run, sample);
      if (busy) take(run, ['shortBoth', await both('short', BUSY.messages)]);
      else for await (const sample of quiet(messages)) take(run, sample);
    }
  });
  const ratios = RATIOS.filter(([, over]) => samples[over]).map(([label, over, under]) => [
    label,
    summary(samples[over].map((value, run) => value / samples[under][run])),
  ]);
  return { figures: summaries(samples), ratios: Object.fromEntries(ratios), samples };
}
