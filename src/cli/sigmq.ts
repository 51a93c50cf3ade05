import type { Command } from 'commander';
import { adminCommands } from './admin-command.ts';
import { askCommand } from './ask-command.ts';
import { brokerCommand } from './broker-command.ts';
import { bareSigmq } from './common.ts';
import { completionCommand } from './completion-command.ts';
import { consumeCommand } from './consume-command.ts';
import { listenCommand } from './listen-command.ts';
import { scopeCommand } from './scope-command.ts';
import { sendCommand } from './send-command.ts';
import { watchCommands } from './watch-command.ts';

/** `sigmq` with all commands. */
export function sigmq(): Command {
  const program = bareSigmq();
  const mains = [brokerCommand(), consumeCommand(), sendCommand(), askCommand()];
  for (const command of [...mains, ...adminCommands(), ...watchCommands()]) {
    program.addCommand(command);
  }
  program.addCommand(listenCommand()).addCommand(scopeCommand());
  return program.addCommand(completionCommand(() => program));
}
