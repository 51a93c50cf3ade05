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
    .showHelpAfterError('Try --help.');
}

export function withVersion(program: Command): Command {
  return program.version(VERSION, '-V, --version');
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
