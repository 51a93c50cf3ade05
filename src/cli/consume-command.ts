import type { Command } from 'commander';
import { collect, command, value } from './common.ts';
import { parseCount, parseDuration, parseQueue } from './values.ts';

export interface ConsumeFlags {
  readonly dir?: string;
  readonly queue?: readonly string[];
  readonly jobs?: number;
  readonly ackWait?: number;
}

export function consumeCommand(name = 'consume'): Command {
  return command(name, 'Take messages and print each with a newline.')
    .option('-q, --queue <name>', 'queue to take from; may be repeated', collect(parseQueue))
    .option('-j, --jobs <n>', 'messages at once', value(parseCount(1, 1000)))
    .option(
      '--ack-wait <duration>',
      'how long it may keep a message (as the broker says)',
      value(parseDuration),
    )
    .action(async (flags: ConsumeFlags) => {
      const { consume } = await import('./consume.ts');
      process.exitCode = await consume(flags);
    });
}
