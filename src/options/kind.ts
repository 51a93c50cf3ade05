import { OptionError, optionErrors } from './errors.ts';

/** What a value may be, wherever it comes from. */
export interface Kind {
  /** @throws OptionError */
  check(value: unknown): void;
}

/** A kind that can also be written as text: on the command line, in the environment, in the configuration file. */
export interface TextKind<T> extends Kind {
  /** @throws OptionError */
  parse(text: string): T;
}

/** A text that is kept as it is written. */
export function keptText(check: Kind['check']): TextKind<string> {
  return {
    parse(text) {
      check(text);
      return text;
    },
    check,
  };
}

/** A kind for each option that exists: an option that is added without its check does not compile. */
export type Kinds<Options> = { readonly [Name in keyof Required<Options>]: Kind };

/**
 * Checks the options that a program passes; absent and undefined are the same.
 * @throws OptionError that begins with the name of the option
 */
export function checkOptions<Options extends object>(
  options: Options,
  kinds: Kinds<Options>,
): void {
  if (!isObject(options)) throw optionErrors.badOption(options, 'an object with options');
  for (const name of Object.keys(kinds) as (keyof Options & string)[]) {
    if (options[name] !== undefined) checkNamed(name, options[name], kinds[name]);
  }
}

/** @throws OptionError that begins with the name */
export function checkNamed(name: string, value: unknown, kind: Kind): void {
  try {
    kind.check(value);
  } catch (error) {
    throw error instanceof OptionError ? error.of(name) : error;
  }
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
