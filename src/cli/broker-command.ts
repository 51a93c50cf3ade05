import type { Command } from 'commander';
import { command, value } from './common.ts';
import { parseSize } from './values.ts';

export interface BrokerFlags {
  readonly dir?: string;
  readonly maxSize?: number;
}

export function brokerCommand(name = 'broker'): Command {
  return command(name, 'Run the broker: take messages and give them to consumers in turn.')
    .option('--max-size <bytes>', 'largest message (64K, 1M)', value(parseSize), 65_536)
    .action(async (flags: BrokerFlags) => {
      const { broker } = await import('./broker.ts');
      process.exitCode = await broker(flags);
    });
}
