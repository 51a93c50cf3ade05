import type { Command } from 'commander';
import { Option } from 'commander';
import { jobs } from '../options/values.ts';
import { collect, command, value } from './common.ts';
import type { OutputFlags } from './format.ts';
import { parseCount, parseDuration, parseQueues } from './values.ts';

export interface ConsumeFlags extends OutputFlags {
  readonly dir?: string;
  readonly queue?: readonly string[];
  readonly count?: number;
  readonly timeout?: number;
  readonly exitEmpty?: true;
  readonly jobs?: number;
  readonly ackWait?: number;
  readonly quiet?: true;
}

export function consumeCommand(name = 'consume'): Command {
  return command(name, 'Take messages and print each with a newline, or run a command for each.')
    .usage('[options] [-- <command> [argument...]]')
    .argument('[command...]', 'run for each message, with the body on its standard input')
    .addOption(
      new Option('-q, --queue <name>', 'queue to take from; may be repeated (default)')
        .env('SIGMQ_QUEUE')
        .argParser(collect(parseQueues)),
    )
    .option('-c, --count <n>', 'end after so many messages', value(parseCount(1, 1e12)))
    .option(
      '-W, --timeout <duration>',
      'end with 124 when no message comes for so long (500ms, 2s, 1h30m)',
      value(parseDuration),
    )
    .option('-e, --exit-empty', 'end when nothing is ready; with 75 if --count is not reached')
    .option(
      '-F, --format <format>',
      '%p body, %i id, %q queue, %a attempt, %l bytes, %t time, %h{NAME} header, %%, \\n, \\t, \\0',
    )
    .option('--json', 'one line of JSON a message')
    .option('--raw', 'the body and nothing else')
    .option('-0, --null', 'a zero byte behind each message instead of a newline')
    .option('-j, --jobs <n>', 'messages at once (1)', value(jobs.parse))
    .option(
      '--ack-wait <duration>',
      'how long it may keep a message (as the broker says)',
      value(parseDuration),
    )
    .option('--quiet', 'say nothing but errors')
    .action(async (words: string[], flags: ConsumeFlags) => {
      const { consume } = await import('./consume.ts');
      process.exitCode = await consume(words, flags);
    });
}
