import type { Command } from 'commander';

interface Entry {
  /** Names of the subcommands that lead there: `dead ls`. */
  readonly path: string;
  readonly description: string;
  /** What may follow: subcommands and long options. */
  readonly words: readonly string[];
  readonly options: readonly { readonly long: string; readonly description: string }[];
}

/** A completion script, made from the same definitions as --help. */
export function completion(shell: 'bash' | 'zsh' | 'fish', program: Command): string {
  const entries = entriesOf(program, '');
  return shell === 'fish' ? fish(entries) : bash(entries, shell);
}

function entriesOf(command: Command, path: string): Entry[] {
  const options = command.options
    .filter(({ long, hidden }) => long && !hidden)
    .map(({ long, description }) => ({ long: long as string, description }));
  const subcommands = command.commands.map((sub) => sub.name());
  const words = [...subcommands, ...options.map(({ long }) => long), '--help'];
  const entry = { path, description: command.description(), words, options };
  return [
    entry,
    ...command.commands.flatMap((sub) => entriesOf(sub, `${path} ${sub.name()}`.trim())),
  ];
}

function bash(entries: readonly Entry[], shell: 'bash' | 'zsh'): string {
  const cases = entries.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`);
  const parents = entries
    .filter(({ path }) => path !== '')
    .map(({ path }) => `'${path}'`)
    .join('|');
  return `${shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}_sigmq() {
  local path='' word words='' at
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    case "\${path:+$path }$word" in
      ${parents}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _sigmq sigmq
`;
}

function fish(entries: readonly Entry[]): string {
  const lines = entries.flatMap(({ path, description, options }) => {
    const parts = path.split(' ');
    const name = parts.at(-1) ?? '';
    const before = parts.slice(0, -1);
    const seen = (words: readonly string[]) =>
      words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    const own =
      path === ''
        ? []
        : [
            `complete -c sigmq -f -n '${before.length > 0 ? seen(before) : '__fish_use_subcommand'}' -a ${name} -d ${quoted(description)}`,
          ];
    const condition = path === '' ? '__fish_use_subcommand' : seen(parts);
    return [
      ...own,
      ...options.map(
        ({ long, description: text }) =>
          `complete -c sigmq -n '${condition}' -l ${long.slice(2)} -d ${quoted(text)}`,
      ),
    ];
  });
  return `${lines.join('\n')}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
