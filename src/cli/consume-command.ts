import { type Command, Option } from 'commander';
import { jobs } from '../options/values.ts';
import { collect, command, value } from './common.ts';
import type { ConsumeFlags } from './consume.ts';
import { cliErrors } from './errors.ts';
import { parseChoices, parseCount, parseDuration, parseGroup } from './values.ts';

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
    .option('-0, --null', 'print a zero byte after each message instead of a newline')
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
    .option('--no-compress', 'let messages come as they are, not packed')
    .option('--quiet', 'print nothing but errors')
    .action(async (words: string[], flags: ConsumeFlags, self: Command) => {
      const { consume } = await import('./consume.ts');
      process.exitCode = await consume(words, fitting(words, flags, self));
    });
}

const OUTPUT_FORMATS = ['format', 'json', 'raw', 'null'] as const;

/**
 * The command line takes precedence over the configuration file; options on the command line that make no sense
 * with a command, or without one, are refused.
 * @throws SigmqError format-of-command, timeout-of-nothing
 */
function fitting(words: readonly string[], flags: ConsumeFlags, self: Command): ConsumeFlags {
  const isSaid = (name: string) => self.getOptionValueSource(name) === 'cli';
  const said = OUTPUT_FORMATS.find(isSaid);
  if (words.length === 0 && isSaid('jobTimeout')) throw cliErrors.timeoutOfNothing();
  if (said === undefined) return flags;
  if (words.length > 0) throw cliErrors.formatOfCommand(`--${said}`);
  const { format, json, raw, null: nul, ...others } = flags;
  const formats = Object.entries({ format, json, raw, null: nul }).filter(([name]) => isSaid(name));
  return { ...others, ...Object.fromEntries(formats) };
}
