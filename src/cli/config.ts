import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { Command, Option } from 'commander';
import { cliErrors } from './errors.ts';

/** A file of options has some hundred bytes. */
const MAX_BYTES = 1 << 20;

type Values = Readonly<Record<string, unknown>>;

/**
 * Takes options from `$XDG_CONFIG_HOME/sigmq/config.json`: an object of long option names, and, under the
 * name of a command, of those for that command only. Environment and flags go before it.
 * @throws SigmqError bad-config
 */
export function applyConfig(program: Command, env: NodeJS.ProcessEnv = process.env): void {
  const home = env.XDG_CONFIG_HOME;
  const folder = home && isAbsolute(home) ? home : env.HOME && join(env.HOME, '.config');
  if (!folder) return;
  const path = join(folder, 'sigmq/config.json');
  const text = readIfThere(path);
  if (text !== undefined) apply(program, parse(path, text), path);
}

function apply(command: Command, values: Values, path: string): void {
  for (const option of command.options) {
    const value = values[option.long?.slice(2) ?? ''];
    if (value !== undefined && !isObject(value)) setOption(command, option, value, path);
  }
  for (const sub of command.commands) {
    const own = values[sub.name()];
    apply(sub, isObject(own) ? { ...values, ...own } : values, path);
  }
}

function setOption(command: Command, option: Option, value: unknown, path: string): void {
  const name = option.attributeName();
  if (!option.required && !option.optional) {
    if (typeof value !== 'boolean')
      throw cliErrors.badConfig(path, `has a ${option.long} that is not true or false`);
    if (value) command.setOptionValueWithSource(name, true, 'config');
    return;
  }
  const texts = Array.isArray(value) ? value : [value];
  try {
    let parsed: unknown;
    for (const given of texts) {
      if (!['string', 'number', 'boolean'].includes(typeof given)) throw new Error('it is no text');
      const text = String(given);
      parsed = option.parseArg ? option.parseArg(text, parsed) : text;
    }
    command.setOptionValueWithSource(name, parsed, 'config');
  } catch (error) {
    const why = (error as Error).message.replace(/\.$/, '');
    throw cliErrors.badConfig(path, `has a bad ${option.long}: ${why}`);
  }
}

function readIfThere(path: string): string | undefined {
  let fd: number | undefined;
  try {
    // A FIFO in its place would keep us waiting.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) throw new Error('it is no file');
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    const bytes = readSync(fd, buffer, 0, buffer.length, 0);
    if (bytes > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
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
    // said below
  }
  throw cliErrors.badConfig(path, 'is not a JSON object');
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
