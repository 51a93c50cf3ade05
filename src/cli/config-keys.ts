import type { Command } from 'commander';
import { similar } from './similar.ts';

/** The contents of the configuration file, or of a section of it. */
export type Values = Readonly<Record<string, unknown>>;

/** A key of the configuration file that nothing reads. */
export interface UnknownKey {
  /** Including the sections that it is in: `dead.ls.cuont`. */
  readonly path: string;
  /** What was probably meant. */
  readonly meant: string | undefined;
}

/** @param program with all commands: a key may belong to another command than the one that runs */
export function unknownKeys(program: Command, values: Values): UnknownKey[] {
  return unknownIn(program, values, '');
}

function unknownIn(command: Command, values: Values, prefix: string): UnknownKey[] {
  const sections = new Map(command.commands.map((sub) => [sub.name(), sub]));
  const known = new Set([...sections.keys(), ...keysOf(command)]);
  return Object.entries(values).flatMap(([key, value]) => {
    const path = `${prefix}${key}`;
    if (!known.has(key)) return [{ path, meant: similar(key, known) }];
    const section = sections.get(key);
    return section && isObject(value) ? unknownIn(section, value, `${path}.`) : [];
  });
}

/** Options of a command and of its subcommands, which inherit the values given here. */
function keysOf(command: Command): string[] {
  return [
    ...command.options.flatMap(({ long }) => (long ? [long.slice(2)] : [])),
    ...command.commands.flatMap(keysOf),
  ];
}

export function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
