import type { Command } from 'commander';
import { command } from './common.ts';

export interface ConsumeFlags {
  readonly dir?: string;
}

export function consumeCommand(name = 'consume'): Command {
  return command(name, 'Take messages and print each with a newline.').action(
    async (flags: ConsumeFlags) => {
      const { consume } = await import('./consume.ts');
      process.exitCode = await consume(flags);
    },
  );
}
