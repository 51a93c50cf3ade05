import { type Command, CommanderError } from 'commander';
import { Exit } from '../errors.ts';
import { begin } from './begin.ts';
import { bareSigmq, withVersion } from './common.ts';
import { applyConfig, warningsOf } from './config.ts';
import { printError, printHelp } from './output.ts';
import { assertUnchangedArguments, assertUnchangedSettings } from './raw-bytes.ts';
import { report, say } from './report.ts';

/** Runs a program with the arguments of this process and sets the exit code. */
export async function run(program: Command): Promise<void> {
  begin();
  prepare(program);
  program.hook('preAction', (_program, action) => {
    assertUnchangedSettings();
    if (!SENDERS.has(action.name())) assertUnchangedArguments();
  });
  try {
    const unread = applyConfig(program);
    // Only then is it known whether anybody wants to see them.
    program.hook('preAction', async (_program, command) => {
      if (!unread || command.opts().quiet) return;
      const { sigmq } = await import('./sigmq.ts');
      for (const warning of warningsOf(unread, sigmq())) say(warning);
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

/**
 * Runs one command without the code of the others, which would slow down its start.
 * @param program `sigmq`, or the name of one that is nothing but this command
 */
export function startCommand(program: string, command: (name?: string) => Command): Promise<void> {
  const isPart = program === 'sigmq';
  return main(isPart ? bareSigmq().addCommand(command()) : withVersion(command(program)));
}

/** Their messages may have any bytes: they check the arguments themselves. */
const SENDERS: ReadonlySet<string> = new Set(['send', 'sigmq-producer', 'ask']);

/** Errors are thrown, so that one place sets the exit code, and begin like all of ours. */
function prepare(program: Command): void {
  program.exitOverride().configureOutput({
    writeErr: printError,
    writeOut: printHelp,
    outputError: (text, write) => write(text.replace(/^error: /, 'sigmq: ')),
  });
  for (const command of program.commands) prepare(command);
}
