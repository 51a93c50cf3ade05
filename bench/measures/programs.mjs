// Whole programs: how often they wake up when there is nothing to do, and how long they take to start.
import { setTimeout as sleep } from 'node:timers/promises';
import { onStage, switchesOf, timed } from '../stage.mjs';

const IDLE_MS = 5000;
/** Starts of each program in one sample. */
const START_UPS = 9;

/** Sleeps per second of an idle broker and consumer together. */
export const idleWakeUps = () =>
  onStage(async (stage) => {
    const broker = await stage.broker();
    const consumer = await stage.consumer();
    await stage.run(['send', 'hello']);
    await consumer.printed(6);
    await sleep(500);
    const count = () => switchesOf(broker.child.pid) + switchesOf(consumer.child.pid);
    const before = count();
    await sleep(IDLE_MS);
    return ((count() - before) * 1000) / IDLE_MS;
  });

/** Whole processes, in turn, so that the noise of the machine meets all of them; ms, medians. */
export const startUp = () =>
  onStage(async (stage) => {
    await stage.broker(['--memory']);
    /** @type {Record<'bare' | 'version' | 'send', number[]>} */
    const times = { bare: [], version: [], send: [] };
    for (let n = 0; n < START_UPS; n++) {
      times.bare.push((await timed(() => stage.node(['-e', '0']))).ms);
      times.version.push((await timed(() => stage.run(['--version']))).ms);
      times.send.push((await timed(() => stage.run(['send', 'hello']))).ms);
    }
    const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
    return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, median(ms)]));
  });
