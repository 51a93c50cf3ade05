import type { Command } from 'commander';
import { command } from './common.ts';

/** Looking at a broker as it works. */
export function watchCommands(): Command[] {
  return [
    command('metrics', 'Print all numbers of the broker, in the format of OpenMetrics.').action(
      async (flags: { dir?: string }) => {
        const { metrics } = await import('./metrics.ts');
        process.exitCode = await metrics(flags);
      },
    ),
  ];
}
