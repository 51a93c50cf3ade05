import { Command, CommanderError } from 'commander';
import { Exit } from '../errors.ts';
import { adminCommands } from './admin-command.ts';
import { askCommand } from './ask-command.ts';
import { brokerCommand } from './broker-command.ts';
import { withVersion } from './common.ts';
import { completionCommand } from './completion-command.ts';
import { applyConfig } from './config.ts';
import { consumeCommand } from './consume-command.ts';
import { listenCommand } from './listen-command.ts';
import { printError, printHelp } from './output.ts';
import { assertUnchangedArguments, assertUnchangedSettings } from './raw-bytes.ts';
import { report, say } from './report.ts';
import { scopeCommand } from './scope-command.ts';
import { sendCommand } from './send-command.ts';
import { leaveClosedTerminals } from './terminal.ts';
import { watchCommands } from './watch-command.ts';

const MAINS = {
  broker: brokerCommand,
  consume: consumeCommand,
  send: sendCommand,
  ask: askCommand,
};

/**
 * `sigmq`: all commands.
 * @param named the first argument: if it is one of the main commands, the others are not created, because they
 * would slow down the start of `sigmq send`
 */
export function sigmq(named = ''): Command {
  const program = withVersion(new Command('sigmq'));
  program
    .description('A message broker and work queue whose only transport is two UNIX signals.')
    .showSuggestionAfterError()
    .showHelpAfterError('Try --help.');
  if (Object.hasOwn(MAINS, named)) {
    return program.addCommand(MAINS[named as keyof typeof MAINS]());
  }
  for (const main of Object.values(MAINS)) program.addCommand(main());
  for (const other of [...adminCommands(), ...watchCommands()]) program.addCommand(other);
  program.addCommand(listenCommand()).addCommand(scopeCommand());
  return program.addCommand(completionCommand(() => program));
}

/** Runs a program with the arguments of this process and sets the exit code. */
export async function run(program: Command): Promise<void> {
  prepare(program);
  process.off('exit', leaveClosedTerminals).once('exit', leaveClosedTerminals);
  forgetEmptyVariables();
  program.hook('preAction', (_program, action) => {
    assertUnchangedSettings();
    if (!SENDERS.has(action.name())) assertUnchangedArguments();
  });
  try {
    const warnings = applyConfig(program, process.env, sigmq);
    // Only at this point is it known whether anybody wants to see them.
    program.hook('preAction', (_program, command) => {
      if (!command.opts().quiet) for (const warning of warnings) say(warning);
    });
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) process.exitCode = report(error);
    else if (error.exitCode !== 0) process.exitCode = Exit.Usage;
  }
}

/** The same, and then ends this process: left to itself, Node spends milliseconds on taking its heap apart. */
export async function main(program: Command): Promise<void> {
  await run(program);
  process.exit();
}

/** Their messages may have any bytes: they check the arguments themselves. */
const SENDERS: ReadonlySet<string> = new Set(['send', 'sigmq-producer', 'ask']);

/** An empty variable counts as not set; commander would take it for an empty value. */
function forgetEmptyVariables(): void {
  for (const name of ['SIGMQ_DIR', 'SIGMQ_DATA', 'SIGMQ_STORE', 'SIGMQ_QUEUE']) {
    if (process.env[name] === '') delete process.env[name];
  }
}

/** Errors are thrown, so that one place sets the exit code, and begin like all of ours. */
function prepare(program: Command): void {
  program.exitOverride().configureOutput({
    writeErr: printError,
    writeOut: printHelp,
    outputError: (text, write) => write(text.replace(/^error: /, 'sigmq: ')),
  });
  for (const command of program.commands) prepare(command);
}

export { brokerCommand, consumeCommand, sendCommand, withVersion };
