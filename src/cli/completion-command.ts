import { Argument, type Command } from 'commander';
import { command } from './common.ts';
import { printHelp } from './output.ts';

/** @param root returns the whole program, of which this command is a part */
export function completionCommand(root: () => Command): Command {
  return command('completion', 'Print a completion script for a shell.')
    .addArgument(new Argument('<shell>', 'which one').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
To use it:
  bash  source <(sigmq completion bash)
  zsh   source <(sigmq completion zsh)
  fish  sigmq completion fish | source`,
    )
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completion } = await import('./completion.ts');
      printHelp(completion(shell, root()));
    });
}
