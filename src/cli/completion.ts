import type { Command, Option } from 'commander';

/** What can follow on the command line after one particular command. */
interface Entry {
  /** Names of the subcommands that lead there: `dead ls`; empty at the start. */
  readonly path: string;
  readonly description: string;
  /** Subcommands, and values of arguments. */
  readonly words: readonly string[];
  readonly options: readonly CompletedOption[];
}

interface CompletedOption {
  /** Short and long. */
  readonly names: readonly string[];
  readonly long: string;
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** A completion script, made from the same definitions as --help. */
export function completion(shell: 'bash' | 'zsh' | 'fish', program: Command): string {
  const entries = entriesOf(program, '');
  return shell === 'fish' ? fish(entries) : bash(entries, shell);
}

function entriesOf(command: Command, path: string): Entry[] {
  const entry = {
    path,
    description: command.description(),
    words: [
      ...command.commands.map((sub) => sub.name()),
      ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    ],
    options: [...command.options.filter(({ hidden }) => !hidden).flatMap(flagOf), HELP],
  };
  return [
    entry,
    ...command.commands.flatMap((sub) => entriesOf(sub, `${path} ${sub.name()}`.trim())),
  ];
}

const HELP: CompletedOption = {
  names: ['-h', '--help'],
  long: '--help',
  description: 'display help for command',
  takesValue: false,
  choices: [],
};

function flagOf({
  short,
  long,
  description,
  required,
  optional,
  argChoices,
}: Option): CompletedOption[] {
  if (!long) return [];
  const names = short ? [short, long] : [long];
  const takesValue = required || optional;
  return [{ names, long, description, takesValue, choices: argChoices ?? [] }];
}

/** Each option that takes a value, as `path --name`; a command without a path begins with a space. */
function valuesOf(entries: readonly Entry[]) {
  return entries.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ names, choices }) => ({ names: names.map((name) => `${path} ${name}`), choices })),
  );
}

/** Also for zsh, which can run bash completions. */
function bash(entries: readonly Entry[], shell: 'bash' | 'zsh'): string {
  const pattern = (names: readonly string[]) => names.map(quoted).join('|') || "''";
  const paths = entries.filter(({ path }) => path !== '').map(({ path }) => path);
  const values = valuesOf(entries);
  const words = entries.map(
    (entry) =>
      `    ${quoted(entry.path)}) words=${quoted([...entry.words, ...entry.options.map(({ long }) => long)].join(' '))} ;;`,
  );
  const choices = values
    .filter((value) => value.choices.length > 0)
    .map((value) => `    ${pattern(value.names)}) words=${quoted(value.choices.join(' '))} ;;`);
  return `${shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}_sigmq() {
  # What has been typed: a command (path), and perhaps an option that waits for its value.
  local path='' option='' word words='' current="\${COMP_WORDS[COMP_CWORD]}" before='' at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="\${COMP_WORDS[at]}"
    if [ -n "$option" ]; then
      [ "$word" = = ] || option='' # bash takes --name=value apart
      continue
    fi
    [ "$word" = -- ] && return 0
    case "$path $word" in
      ${pattern(values.flatMap(({ names }) => names))}) option="$path $word"; continue ;;
    esac
    case "\${path:+$path }$word" in
      ${pattern(paths)}) path="\${path:+$path }$word" ;;
    esac
  done
  # zsh does not take it apart.
  case "$current" in
    =) current='' ;;
    --*=*) before="\${current%%=*}="; option="$path \${current%%=*}"; current="\${current#*=}" ;;
  esac
  if [ -n "$option" ]; then
    case "$option" in
${choices.map((line) => `  ${line}`).join('\n')}
    esac
  else
    case "$path" in
${words.map((line) => `  ${line}`).join('\n')}
    esac
  fi
  [ -n "$words" ] || return 0
  COMPREPLY=($(compgen -P "$before" -W "$words" -- "$current"))
}
complete -o default -F _sigmq sigmq
`;
}

function fish(entries: readonly Entry[]): string {
  const paths = entries.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  const values = valuesOf(entries).flatMap(({ names }) => names.map(quoted));
  const lines = entries.flatMap(({ path, words, options }) => {
    const at = `complete -c sigmq -n ${quoted(`__sigmq_at ${path}`.trim())}`;
    const descriptions = new Map(entries.map((entry) => [entry.path, entry.description]));
    return [
      ...words.map((word) => {
        const description = descriptions.get(`${path} ${word}`.trim());
        return `${at} -f -a ${word}${description === undefined ? '' : ` -d ${quoted(description)}`}`;
      }),
      ...options.map((option) => {
        const short = option.names.find((name) => name !== option.long)?.slice(1);
        return [
          `${at}${short ? ` -s ${short}` : ''} -l ${option.long.slice(2)}`,
          ...(option.choices.length > 0 ? [`-x -a ${quoted(option.choices.join(' '))}`] : []),
          ...(option.takesValue && option.choices.length === 0 ? ['-r'] : []),
          `-d ${quoted(option.description)}`,
        ].join(' ');
      }),
    ];
  });
  return `# Whether the command that is typed is this one, and its options are not over.
function __sigmq_at
    set -l path
    set -l is_value no
    for word in (commandline -opc)[2..]
        if test $is_value = yes
            set is_value no
        else if test "$word" = --
            return 1
        else if contains -- "$path $word" ${values.join(' ')}
            set is_value yes
        else if contains -- (string trim -- "$path $word") ${paths.join(' ')}
            set path (string trim -- "$path $word")
        end
    end
    test "$path" = "$argv"
end
${lines.join('\n')}
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
