import { type Command, Option } from 'commander';
import { DEFAULT_LINGER_MS, jobs, MAX_JOBS } from '../options/values.ts';
import { collect, command, firstGiven, onlyGiven, value } from './common.ts';
import type { ConsumeFlags } from './consume.ts';
import { cliErrors } from './errors.ts';
import { parseChoices, parseCount, parseDuration, parseGroup, parsePause } from './values.ts';

export function consumeCommand(name = 'consume'): Command {
  return command(name, 'Take messages and print each with a newline, or run a command for each.')
    .usage('[options] [-- <command> [argument...]]')
    .argument('[command...]', 'run for each message, with the body on its standard input')
    .addOption(
      new Option(
        '-q, --queue <name>',
        'queue to take from; may be repeated; mail:3 to take three of it to one of another (default)',
      )
        .env('SIGMQ_QUEUE')
        .argParser(collect(parseChoices)),
    )
    .option(
      '-g, --group <name>',
      'take from this group of the queue: each group gets every message',
      value(parseGroup),
    )
    .option('-c, --count <n>', 'exit after this many messages', value(parseCount(1, 1e12)))
    .option(
      '-W, --timeout <duration>',
      'exit with 124 if no message arrives for this long (500ms, 2s, 1h30m)',
      value(parseDuration),
    )
    .option('-e, --exit-empty', 'exit when nothing is ready; with 75 if --count was not reached')
    .option(
      '-F, --format <format>',
      '%p body, %i id, %q queue, %a attempt, %r times given back, %l bytes, %t time, %h{NAME} header, %%, \\n, \\t, \\0',
    )
    .option('--json', 'print one line of JSON per message')
    .option('--raw', 'print the body and nothing else')
    .option('-0, --null', 'a zero byte after each message instead of a newline, also in a batch')
    .option('-j, --jobs <n>', 'messages to work on at a time (1)', value(jobs.parse))
    .option(
      '--ack-wait <duration>',
      'redeliver a message that is not settled in time (the broker decides)',
      value(parseDuration),
    )
    .option(
      '--job-timeout <duration>',
      'kill a command that takes longer (SIGTERM, then SIGKILL after 5 s, to its process group) and fail the attempt',
      value(parseDuration),
    )
    .option(
      '--reply',
      'what the command prints is the reply to `sigmq ask`, and its exit code, too',
    )
    .option(
      '--batch <n>',
      'run the command for up to so many messages together, one on each line of its input',
      value(jobs.parse),
    )
    .option(
      '--linger <duration>',
      'how long the first message of a batch waits for others (1s)',
      value(parsePause),
    )
    .option('--partial', 'of a batch, only what the command names is done: one id on each line')
    .option('--no-compress', 'let messages come as they are, not packed')
    .option('--quiet', 'print nothing but errors')
    .action(async (words: string[], flags: ConsumeFlags, self: Command) => {
      const { consume } = await import('./consume.ts');
      process.exitCode = await consume(words, fitting(words, flags, self));
    });
}

/** Options that say something of the command. */
const OF_COMMANDS = ['jobTimeout', 'reply', 'batch'] as const;
/** Options that say something of batches. */
const OF_BATCHES = ['linger', 'partial'] as const;
const OUTPUT_FORMATS = ['format', 'json', 'raw', 'null'] as const;

/**
 * The command line takes precedence over the configuration file; options on the command line that make no sense
 * with a command, or without one, are refused.
 * @throws SigmqError format-of-command, needs-command, needs-batch, no-such-batch
 */
function fitting(words: readonly string[], flags: ConsumeFlags, self: Command): ConsumeFlags {
  const useless = words.length === 0 ? firstGiven(self, OF_COMMANDS) : undefined;
  if (useless !== undefined) throw cliErrors.needsCommand(useless);
  const ofBatch = firstGiven(self, OF_BATCHES);
  if (ofBatch !== undefined && flags.batch === undefined) throw cliErrors.needsBatch(ofBatch);
  if (flags.batch !== undefined) checkBatch(flags);
  // In a batch, --null is for the input of the command.
  const formats = OUTPUT_FORMATS.filter((name) => !(name === 'null' && flags.batch));
  const format = firstGiven(self, formats);
  if (format === undefined) return flags;
  if (words.length > 0) throw cliErrors.formatOfCommand(format);
  return onlyGiven(flags, self, OUTPUT_FORMATS);
}

/** @throws SigmqError no-such-batch */
function checkBatch({
  batch = 1,
  jobs: atOnce = 1,
  reply,
  linger = DEFAULT_LINGER_MS,
  ackWait,
}: ConsumeFlags): void {
  if (reply) throw cliErrors.replyOfBatch();
  if (batch * atOnce > MAX_JOBS) throw cliErrors.batchTooLarge(MAX_JOBS);
  if (ackWait !== undefined && linger >= ackWait) throw cliErrors.lingerTooLong();
}
