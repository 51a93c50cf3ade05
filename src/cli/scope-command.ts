import { type Command, InvalidArgumentError } from 'commander';
import { command } from './common.ts';
import type { ScopeFlags } from './scope.ts';

export function scopeCommand(): Command {
  return command('scope', 'Show a recording of signals as a logic analyser does, while it grows.')
    .argument(
      '<file>',
      'what `send --vcd` or `listen --vcd` writes; on a terminal it is followed, and need not be there yet',
    )
    .option('--svg <file>', 'write the picture there instead, as SVG')
    .option('--force', 'overwrite an existing picture')
    .option('--scale <us>', 'print all of it, with so many microseconds a column', scale)
    .action(async (file: string, flags: ScopeFlags) => {
      const { scope } = await import('./scope.ts');
      process.exitCode = await scope(file, flags);
    });
}

function scale(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < 0.1 || value > 1e9)
    throw new InvalidArgumentError('It is a number of microseconds from 0.1 to 1000000000.');
  return value;
}
