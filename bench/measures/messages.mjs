// Many messages by `sigmq send --lines` and `sigmq consume`, each flushed to the disk before it is confirmed (the
// default). Each function gives one sample: messages per second, the start of the program that is timed included.
import { linesOf } from '../payloads.mjs';
import { onStage, timed } from '../stage.mjs';

/** @typedef {Parameters<typeof linesOf>[0]} Lines */

const perSecond = (count, ms) => (count * 1000) / ms;

/** A producer and a broker, and nobody who takes the messages: until the last one is confirmed. */
export const publish = (/** @type {Lines} */ kind, count) =>
  onStage(async (stage) => {
    await stage.broker();
    const lines = linesOf(kind, count);
    const { ms } = await timed(() => stage.run(['send', '--lines'], lines));
    return perSecond(count, ms);
  });

/** A consumer and a broker that has all of them: until `consume --count` has printed and settled them and ended. */
export const consume = (/** @type {Lines} */ kind, count) =>
  onStage(async (stage) => {
    await stage.broker();
    const lines = linesOf(kind, count);
    await stage.run(['send', '--lines'], lines);
    const { ms } = await timed(async () => {
      const consumer = stage.sigmq(['consume', '--count', String(count)]);
      await consumer.ended();
      if (consumer.bytes !== lines.length) {
        throw new Error(`consume printed ${consumer.bytes} bytes of ${lines.length}`);
      }
    });
    return perSecond(count, ms);
  });

/** Both at once: a consumer waits, and has printed all that a producer sends. */
export const both = (/** @type {Lines} */ kind, count) =>
  onStage(async (stage) => {
    await stage.broker();
    const consumer = await stage.consumer();
    const lines = linesOf(kind, count);
    const { ms } = await timed(async () => {
      const sent = stage.run(['send', '--lines'], lines);
      await consumer.printed(lines.length);
      await sent;
    });
    return perSecond(count, ms);
  });
