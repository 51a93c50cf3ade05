import type { Command } from 'commander';
import { command, value } from './common.ts';
import type { TopFlags } from './top.ts';
import { parseDuration } from './values.ts';

/** Looking at a broker as it works. */
export function watchCommands(): Command[] {
  return [
    command('top', 'Watch queues, consumers and the bus, and act on them by keys.')
      .option('--plain', 'in sentences, again and again: for a screen reader or a log')
      .option('--once', 'once, then end')
      .option(
        '-i, --interval <duration>',
        'how often to ask the broker (1s; 10s with --plain)',
        value(parseDuration),
      )
      .action(async (flags: TopFlags) => {
        const { top } = await import('./top.ts');
        process.exitCode = await top(flags);
      }),
    command('metrics', 'Print all numbers of the broker, in the format of OpenMetrics.').action(
      async (flags: { dir?: string }) => {
        const { metrics } = await import('./metrics.ts');
        process.exitCode = await metrics(flags);
      },
    ),
  ];
}
