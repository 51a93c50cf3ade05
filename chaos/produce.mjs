// Producers that send until enough messages are on their way and the time is over.
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from './message.mjs';

/** @typedef {import('./random.mjs').Random} Random */

/** Pause of a producer that found no broker, or a full one; ms. */
const PAUSE_MS = 100;

/**
 * @typedef {object} Plan
 * @property {number} [until] to go on for so long, ms since the epoch; 0: until `count` messages are confirmed
 * @property {number} [count]
 * @property {() => boolean} [goOn] whether to go on, if neither says it
 * @property {number} [producers]
 * @property {number} [from] the first number
 * @property {number[]} [sizes] how many messages one `send` may have
 * @property {(random: Random, n: number) => readonly string[]} [argsOf] options of one `send` of the nth producer
 * @property {(random: Random, n: number) => string | undefined} [fateOf] what is to become of a message of the nth
 *   producer
 * @property {typeof send} [via] what sends some messages
 * @property {(numbers: number[], n: number) => void} [onSend] hears of the numbers before the nth producer sends them
 */

export async function produce(
  cast,
  ledger,
  random,
  /** @type {Plan} */ {
    count = 0,
    until = 0,
    goOn = () => (until > 0 ? Date.now() < until : ledger.confirmed.size < count),
    producers = 4,
    from = 0,
    sizes = [1, 1, 1, 20, 60],
    argsOf = () => [],
    fateOf = () => undefined,
    via = send,
    onSend = () => {},
  },
) {
  let next = from;
  const producer = async (_, n) => {
    const mine = random.of(`producer ${n}`);
    while (goOn()) {
      const numbers = Array.from({ length: mine.pick(sizes) }, () => next++);
      // Without any option, a single one goes a way of its own (src/client/short-send.ts).
      const how = mine.pick([[], ['-W', '30s'], ['--wait', '-W', '30s']]);
      const args = [...how, ...argsOf(mine, n)];
      const messages = numbers.map((number) =>
        messageOf(number, random, fateOf(random.of(number), n)),
      );
      onSend(numbers, n);
      const code = await via(cast, ledger, numbers, messages, args);
      if (code !== 0) await sleep(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: producers }, producer));
}

/** One `send` of some messages. @returns its exit code */
export async function send(cast, ledger, numbers, messages, args) {
  for (const number of numbers) ledger.attempted.add(number);
  const since = ledger.stretches.current;
  const single = numbers.length === 1;
  const sender = single
    ? cast.produce([...args, messages[0]], '')
    : cast.produce([...args, '--lines'], messages.join('\n'));
  const code = await sender.ended;
  const told = code === 0 ? numbers.length : confirmedLines(sender.said);
  for (const number of numbers.slice(0, told)) ledger.confirm(number, since);
  if (single && /could not store it|queue is full/i.test(sender.said))
    ledger.refused.add(numbers[0]);
  return code;
}

export function confirmedLines(said) {
  return Number(/(\d+) lines? w(?:as|ere) confirmed/.exec(said)?.[1] ?? 0);
}
