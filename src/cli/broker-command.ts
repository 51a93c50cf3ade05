import { type Command, Option } from 'commander';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../codec/limits.ts';
import { maxAttempts, maxMessages, maxReleases } from '../options/values.ts';
import { DEFAULT_POLICY } from '../queue/policy.ts';
import { DEFAULT_LEASE_MS } from '../queue/store-options.ts';
import type { BrokerFlags } from './broker.ts';
import { command, value } from './common.ts';
import { LEVELS, LOG_FORMATS } from './log.ts';
import { parseDuration, parseFsync, parsePause, parseSize, parseStoreSize } from './values.ts';

export function brokerCommand(name = 'broker'): Command {
  return command(name, 'Run the broker: take messages and give them to consumers in turn.')
    .addOption(
      new Option('--data <folder>', 'where messages are kept ($XDG_STATE_HOME/sigmq/...)').env(
        'SIGMQ_DATA',
      ),
    )
    .addOption(new Option('--memory', 'keep messages in memory only'))
    .addOption(
      new Option(
        '--store <url>',
        'keep messages in PostgreSQL, shared with brokers on other hosts',
      ).env('SIGMQ_STORE'),
    )
    .addOption(
      new Option(
        '--lease <duration>',
        'with --store: others take over from a broker silent for this long',
      )
        .argParser(value(parseDuration))
        .default(DEFAULT_LEASE_MS, '10s'),
    )
    .option(
      '--fsync <when>',
      'when to flush messages to disk: before each reply, at an interval, or never (always, 100ms, never)',
      value(parseFsync),
      'always',
    )
    .addOption(
      new Option('--max-size <bytes>', 'largest message (64K, 1M)')
        .argParser(value(parseSize))
        .default(DEFAULT_MAX_MESSAGE_BYTES, '64K'),
    )
    .option(
      '--max-messages <n>',
      'most messages to keep; further ones are refused with exit 75',
      value(maxMessages.parse),
      DEFAULT_POLICY.maxMessages,
    )
    .addOption(
      new Option(
        '--max-bytes <bytes>',
        'most bytes to keep; further messages are refused with exit 75',
      )
        .argParser(value(parseStoreSize))
        .default(DEFAULT_POLICY.maxBytes, '1G'),
    )
    .option(
      '--max-attempts <n>',
      'failed attempts after which a message is dead',
      value(maxAttempts.parse),
      DEFAULT_POLICY.maxAttempts,
    )
    .option(
      '--max-releases <n>',
      'times a message may be given back before it is dead (no limit)',
      value(maxReleases.parse),
    )
    .option(
      '--ack-wait <duration>',
      'redeliver a message that is not settled in time (never while its consumer lives)',
      value(parseDuration),
    )
    .addOption(
      new Option('--backoff <duration>', 'pause after a failed attempt, doubled each time')
        .argParser(value(parsePause))
        .default(DEFAULT_POLICY.backoffMs, '1s'),
    )
    .option(
      '--aging <duration>',
      'let a message that has waited this long go before one whose priority is one higher (never)',
      value(parseDuration),
    )
    .option(
      '--metrics-file <file>',
      'write all numbers there every 5 s, for the textfile collector of node_exporter (x.prom)',
    )
    .option('--dead-expired', 'keep expired messages as dead letters')
    .option(
      '--dead-age <duration>',
      'remove dead messages after this (never)',
      value(parseDuration),
    )
    .option(
      '--max-dead <n>',
      'most dead messages to keep; beyond, the oldest are removed (half of --max-messages)',
      value(maxMessages.parse),
    )
    .option(
      '--max-dead-bytes <bytes>',
      'most bytes of dead messages to keep (half of --max-bytes)',
      value(parseStoreSize),
    )
    .addOption(
      new Option('--log-level <level>', 'least severe level to log')
        .choices(LEVELS)
        .default('info'),
    )
    .addOption(
      new Option('--log-format <format>', 'format of the log').choices(LOG_FORMATS).default('text'),
    )
    .action(async (flags: BrokerFlags, self: Command) => {
      const { broker } = await import('./broker.ts');
      process.exitCode = await broker(onlyOneStore(flags, self));
    });
}

const STORES = ['memory', 'store', 'data'] as const;
/** Where options come from, the strongest first. */
const SOURCES = ['cli', 'env', 'config'];

/** A flag goes before the environment, and that before the configuration file, also where it is another option. */
function onlyOneStore(flags: BrokerFlags, command: Command): BrokerFlags {
  const rankOf = (name: string) => SOURCES.indexOf(command.getOptionValueSource(name) ?? '');
  const given = STORES.filter((name) => rankOf(name) >= 0);
  const best = Math.min(...given.map(rankOf));
  const [first, second] = given.filter((name) => rankOf(name) === best);
  if (second)
    command.error(`error: option '--${first}' cannot be used with option '--${second}'`, {
      code: 'commander.conflictingOption',
    });
  const others = STORES.filter((name) => name !== first).map((name) => [name, undefined]);
  return { ...flags, ...Object.fromEntries(others) };
}
