import { Argument, type Command, Option } from 'commander';
import { queueName } from '../options/kinds.ts';
import { rate } from '../options/rates.ts';
import { concurrency, jitter, maxAttempts, maxMessages } from '../options/values.ts';
import type { QueueChange } from '../queue/queue-settings.ts';
import type { AdminFlags } from './admin-flags.ts';
import { dataOption, type RunAdmin } from './admin-options.ts';
import { command, isGiven, value } from './common.ts';
import { parseDuration, parsePause, parseQueue, parseStoreSize } from './values.ts';

/** Each setting of a queue: its flag, its name in the library, what it means, and how it is read. */
const SETTINGS: readonly (readonly [
  flag: string,
  name: keyof QueueChange,
  text: string,
  parse: (text: string) => unknown,
])[] = [
  [
    'max-attempts <n>',
    'maxAttempts',
    'failed attempts after which a message is dead',
    maxAttempts.parse,
  ],
  [
    'backoff <duration>',
    'backoffMs',
    'pause after a failed attempt, doubled each time',
    parsePause,
  ],
  [
    'jitter <part>',
    'jitter',
    'make each pause up to this much longer or shorter (20%, 0.2)',
    jitter.parse,
  ],
  [
    'max-messages <n>',
    'maxMessages',
    'most messages to keep in it; further ones are refused with exit 75',
    maxMessages.parse,
  ],
  ['max-bytes <bytes>', 'maxBytes', 'most bytes to keep in it', parseStoreSize],
  ['dead-age <duration>', 'deadAgeMs', 'remove dead messages after this', parseDuration],
  ['dead-to <queue>', 'deadTo', 'move messages that die to this queue', queueName.parse],
  [
    'rate <n/unit>',
    'rate',
    'deliver no more than so many, evenly (10/s, 100/m, 1000/h); each broker',
    rate.parse,
  ],
  [
    'concurrency <n>',
    'concurrency',
    'messages that consumers may have at a time',
    concurrency.parse,
  ],
];

interface Setting {
  readonly name: keyof QueueChange;
  readonly option: Option;
}

function settings(): Setting[] {
  return SETTINGS.map(([flag, name, text, parse]) => {
    return { name, option: new Option(`--${flag}`, text).argParser(value(parse)) };
  });
}

/** Without what the configuration file says of options with the same names, which is meant for brokers. */
function changeOf(command: Command, all: readonly Setting[]): QueueChange {
  const given = all.filter(({ option }) => isGiven(command, option.attributeName()));
  return Object.fromEntries(
    given.map(({ name, option }) => [name, command.getOptionValue(option.attributeName())]),
  );
}

/** Those that are named are as the broker has them. */
function withoutThem(names: readonly string[], all: readonly Setting[]): QueueChange {
  const named = all.filter(({ option }) => names.includes(option.name()));
  return Object.fromEntries(named.map(({ name }) => [name, null]));
}

/** Everything about what holds for one queue alone. @param run does what a command of it is for */
export function queueCommand(run: RunAdmin): Command {
  const one = (name: string, text: string) =>
    command(name, text).argument('<queue>', 'which one', value(parseQueue));
  const set = one('set', 'Set limits and policies of a queue; they stay in the store.');
  const all = settings();
  for (const { option } of all) set.addOption(option);
  const names = all.map(({ option }) => option.name());
  return command('queue', 'Set limits and policies of queues, and show them.')
    .addCommand(
      set
        .addOption(dataOption())
        .action((queue: string, flags: AdminFlags) =>
          run('queue-set', { ...flags, change: changeOf(set, all) }, queue),
        ),
    )
    .addCommand(
      one('unset', 'Take settings of a queue back.')
        .addArgument(new Argument('[setting...]', 'which ones (all)').choices(names))
        .addOption(dataOption())
        .action((queue: string, which: string[], flags: AdminFlags) =>
          run('queue-unset', { ...flags, change: withoutThem(which, all) }, queue),
        ),
    )
    .addCommand(
      one('show', 'Show what is set for a queue.')
        .option('--json', 'as JSON')
        .addOption(dataOption())
        .action((queue: string, flags: AdminFlags) => run('queue-show', flags, queue)),
    )
    .addCommand(
      command('ls', 'List the queues for which something is set.')
        .option('--json', 'as JSON, one line per queue')
        .addOption(dataOption())
        .action((flags: AdminFlags) => run('queue-ls', flags, '')),
    );
}
