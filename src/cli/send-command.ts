import { type Command, Option } from 'commander';
import { messageKey } from '../options/kinds.ts';
import { moment } from '../options/times.ts';
import { maxAttempts } from '../options/values.ts';
import { command, firstGiven, onlyGiven, value } from './common.ts';
import { cliErrors } from './errors.ts';
import { headerOption, priorityOption, queueOption } from './message-options.ts';
import type { SendFlags } from './send.ts';
import { codingOptions, recordOptions } from './signal-options.ts';
import { parseCount, parseDuration, parsePause, parseQueue } from './values.ts';

/** pid_t is a signed integer of 32 bits. */
const MAX_PID = 0x7fff_ffff;
/** What only a broker understands. */
const OF_BROKERS = [
  ...['queue', 'header', 'priority', 'delay', 'at', 'ttl', 'key', 'keyTtl', 'wait', 'json'],
  ...['maxAttempts', 'backoff', 'deadTo'],
] as const;
/** What only plain processes understand. */
const OF_PROCESSES = ['order', 'one'] as const;
/** What the configuration file says of these is meant for brokers: it would go before what is set for a queue. */
const OF_QUEUES = ['maxAttempts', 'backoff'] as const;

export function sendCommand(name = 'send'): Command {
  const send = command(name, 'Send a message and wait until the broker has accepted it.');
  for (const option of [...codingOptions(), ...recordOptions()]) send.addOption(option);
  return send
    .argument('[message...]', 'the message; words are joined by spaces; - reads standard input')
    .addOption(queueOption())
    .option('-f, --file <path>', 'send the contents of a file as one message; - is standard input')
    .option('-l, --lines', 'send each line of the file or of standard input as a message')
    .option('-0, --null', 'like --lines, for messages separated by zero bytes')
    .addOption(headerOption())
    .addOption(priorityOption())
    .option(
      '--delay <duration>',
      'deliver it no earlier than this (500ms, 5m, 1h30m, 30d)',
      value(parsePause),
    )
    .addOption(
      new Option('--at <time>', "deliver it no earlier than then ('2026-12-01 09:00', 09:00)")
        .conflicts('delay')
        .argParser(value(moment.parse)),
    )
    .option(
      '--ttl <duration>',
      'discard it if no consumer takes it in time; longer than --delay',
      value(parseDuration),
    )
    .option(
      '--key <key>',
      'do not store it while another message of the queue with this key waits or is being handled',
      value(messageKey.parse),
    )
    .option('--key-ttl <duration>', 'keep the key for so long after that', value(parseDuration))
    .option(
      '--max-attempts <n>',
      "failed attempts after which it is dead (the queue's, or the broker's)",
      value(maxAttempts.parse),
    )
    .option(
      '--backoff <duration>',
      'pause after a failed attempt, doubled each time (the same)',
      value(parsePause),
    )
    .option('--dead-to <queue>', 'when it is dead, move it to this queue', value(parseQueue))
    .option('--wait', 'wait for a broker if none is running')
    .option(
      '-W, --timeout <duration>',
      'give up after this long (500ms, 2s, 5m)',
      value(parseDuration),
    )
    .option(
      '--pid <pid>',
      'send to this process, and not to a broker',
      value(parseCount(1, MAX_PID)),
    )
    .option('--json', 'print the id, queue and size of each message')
    .option('--no-compress', 'send messages as they are, not packed')
    .option('--trace', 'show each byte, its bits, the signals, and what came back')
    .option('--quiet', 'print nothing but errors')
    .action(async (words: string[], flags: SendFlags) => {
      const isUsual = flags.pid === undefined && flags.vcd === undefined && flags.svg === undefined;
      // What is needed now and then only is not read by every send.
      const { send: run } = isUsual ? await import('./send.ts') : await import('./direct.ts');
      assertFitting(flags, send);
      const code = await run(words, onlyGiven(flags, send, OF_QUEUES));
      if (code === 'help') send.help({ error: true });
      process.exitCode = code;
    });
}

/**
 * Only what is on the command line counts: the environment and the configuration file are meant for all that is sent.
 * @throws SigmqError of-brokers, of-processes
 */
function assertFitting({ pid }: SendFlags, self: Command): void {
  const wrong = firstGiven(self, pid === undefined ? OF_PROCESSES : OF_BROKERS);
  if (wrong === undefined) return;
  throw pid === undefined ? cliErrors.ofProcesses(wrong) : cliErrors.ofBrokers(wrong);
}
