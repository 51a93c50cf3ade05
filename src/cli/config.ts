import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Command, Option } from 'commander';
import { isObject, unknownKeys, type Values } from './config-keys.ts';
import { configPath } from './config-path.ts';
import { cliErrors } from './errors.ts';

/** A file of options has a few hundred bytes. */
const MAX_CONFIG_BYTES = 1 << 20;
/** Names of an option that a command has, too: an object is its section, anything else the option's value. */
const BOTH: ReadonlySet<string> = new Set(['group', 'queue']);
/** Executables that are a single command, and the section that applies to them. */
const SECTIONS = new Map([
  ['sigmq-broker', 'broker'],
  ['sigmq-consumer', 'consume'],
  ['sigmq-producer', 'send'],
]);

/** Keys of a configuration file that a program does not read; another command may. */
export interface Unread {
  readonly path: string;
  readonly values: Values;
}

/**
 * Takes options from `$XDG_CONFIG_HOME/sigmq/config.json`: an object of long option names, and, under the name of a
 * command, of those for that command only. Environment and flags take precedence.
 * @returns undefined: all of it is read by this program
 * @throws SigmqError bad-config
 */
export function applyConfig(
  program: Command,
  env: NodeJS.ProcessEnv = process.env,
): Unread | undefined {
  const path = configPath(env);
  if (path === undefined) return undefined;
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const values = parse(path, text);
  const own = sectionOf(values, SECTIONS.get(program.name()), path);
  apply(program, values, { ...values, ...own }, path);
  return unknownKeys(program, values).length === 0 ? undefined : { path, values };
}

/** A sentence for each key that nothing reads. @param whole the program with all commands */
export function warningsOf({ path, values }: Unread, whole: Command): string[] {
  return unknownKeys(whole, values).map(({ path: key, meant }) => {
    const hint = meant === undefined ? '' : ` Did you mean ${JSON.stringify(meant)}?`;
    return `warning: ${path} has ${JSON.stringify(key)}, which is not an option.${hint}`;
  });
}

/**
 * @param own the section of this command
 * @param values the same, plus what it inherits from the enclosing sections
 */
function apply(command: Command, own: Values, values: Values, path: string): void {
  for (const option of command.options) {
    const name = option.long?.slice(2) ?? '';
    const value = BOTH.has(name) && isObject(values[name]) ? undefined : values[name];
    if (value !== undefined) setOption(command, option, value, path);
  }
  for (const sub of command.commands) {
    const section = sectionOf(own, sub.name(), path);
    apply(sub, section, { ...values, ...section }, path);
  }
}

function sectionOf(values: Values, name: string | undefined, path: string): Values {
  if (name === undefined || !Object.hasOwn(values, name)) return {};
  const section = values[name];
  if (isObject(section)) return section;
  if (BOTH.has(name)) return {};
  throw cliErrors.badConfig(path, `has a section ${name} that is not an object of options`);
}

function setOption(command: Command, option: Option, value: unknown, path: string): void {
  const name = option.attributeName();
  if (!option.required && !option.optional) {
    if (typeof value !== 'boolean')
      throw cliErrors.badConfig(path, `has a ${option.long} that is not true or false`);
    if (value) command.setOptionValueWithSource(name, !option.negate, 'config');
    return;
  }
  const texts = Array.isArray(value) ? value : [value];
  try {
    let parsed: unknown;
    for (const given of texts) {
      if (!['string', 'number', 'boolean'].includes(typeof given))
        throw new Error('It is not a string, a number, true or false.');
      const text = String(given);
      parsed = option.parseArg ? option.parseArg(text, parsed) : text;
    }
    // A copy: `collect` adds to arrays that it has made itself.
    const value = Array.isArray(parsed) ? [...parsed] : parsed;
    command.setOptionValueWithSource(name, value, 'config');
  } catch (error) {
    const why = (error as Error).message.replace(/\.$/, '');
    throw cliErrors.badConfig(path, `has a bad ${option.long}: ${why}`);
  }
}

function readIfThere(path: string): string | undefined {
  let fd: number | undefined;
  try {
    // A FIFO in its place would make us hang.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) throw new Error('it is not a file');
    const buffer = Buffer.alloc(MAX_CONFIG_BYTES + 1);
    const bytes = readSync(fd, buffer, 0, buffer.length, 0);
    if (bytes > MAX_CONFIG_BYTES) throw new Error(`it has more than ${MAX_CONFIG_BYTES} bytes`);
    return buffer.toString('utf8', 0, bytes);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw cliErrors.badConfig(path, `cannot be read: ${message}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function parse(path: string, text: string): Values {
  try {
    const values: unknown = JSON.parse(text);
    if (isObject(values)) return values;
  } catch {
    // reported below
  }
  throw cliErrors.badConfig(path, 'is not a JSON object');
}
