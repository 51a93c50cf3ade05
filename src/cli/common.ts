import { Command, InvalidArgumentError, Option } from 'commander';
import { SigmqError } from '../errors.ts';
import { VERSION } from '../version.ts';

/** A command with everything that sigmq's commands share. */
export function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(new Option('--dir <dir>', 'runtime directory').env('SIGMQ_DIR'))
    .option('--no-color', 'disable colours, like $NO_COLOR')
    .showSuggestionAfterError()
    .showHelpAfterError('Try --help.')
    .hook('preAction', handDown);
}

/**
 * An option that a command and its subcommand share is the enclosing one's for commander, wherever it stands: in
 * `sigmq dead ls --dir x`, too (https://github.com/tj/commander.js#more-configuration-1).
 */
function handDown(enclosing: Command, command: Command): void {
  for (const option of enclosing === command ? [] : enclosing.options) {
    const name = option.attributeName();
    if (isGiven(enclosing, name))
      command.setOptionValueWithSource(name, enclosing.getOptionValue(name), 'cli');
  }
}

/** Whether an option is on the command line; the environment and the configuration file do not count. */
export function isGiven(command: Command, name: string): boolean {
  return command.getOptionValueSource(name) === 'cli';
}

/** The first of these options that is on the command line, as it is written there: `--job-timeout`. */
export function firstGiven(command: Command, names: readonly string[]): string | undefined {
  const isOne = (name: string) => names.includes(name) && isGiven(command, name);
  return command.options.find((option) => isOne(option.attributeName()))?.long;
}

/** The flags without those of these options that are not on the command line. */
export function onlyGiven<Flags extends object>(
  flags: Flags,
  command: Command,
  names: readonly (keyof Flags & string)[],
): Flags {
  const others: readonly string[] = names.filter((name) => !isGiven(command, name));
  return Object.fromEntries(
    Object.entries(flags).filter(([name]) => !others.includes(name)),
  ) as Flags;
}

export function withVersion(program: Command): Command {
  return program.version(VERSION, '-V, --version');
}

/** `sigmq` without its commands. */
export function bareSigmq(): Command {
  return withVersion(new Command('sigmq'))
    .description('A message broker and work queue whose only transport is two UNIX signals.')
    .showSuggestionAfterError()
    .showHelpAfterError('Try --help.');
}

/**
 * Like {@link value}, for an option that may be repeated. Values from another source (the configuration file,
 * before the environment and flags) are replaced, not added to.
 * @param parse is passed what the same source has given before
 */
export function collect<T>(
  parse: (text: string, before: readonly T[]) => readonly T[],
): (text: string, before?: readonly T[]) => readonly T[] {
  let collected: readonly T[] = [];
  return (text, before) => {
    const own = before === collected ? collected : [];
    collected = value((given) => parse(given, own))(text);
    return collected;
  };
}

/** Turns a parser of an option's value into one whose errors commander reports as usage errors. */
export function value<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof SigmqError)) throw error;
      throw new InvalidArgumentError(`${error.message} ${error.hint}`);
    }
  };
}
