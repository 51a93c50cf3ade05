import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { Command, Option } from 'commander';
import { completion } from '../../src/cli/completion.ts';

function program(): Command {
  const ls = new Command('ls').description("It's a \\ list").option('--json', 'as JSON');
  return new Command('sigmq')
    .option('-V, --version', 'version')
    .addCommand(new Command('dead').description('the dead').addCommand(ls))
    .addCommand(new Command('send').option('-q').addOption(new Option('--secret').hideHelp()));
}

/** What bash offers after these words. */
function offered(...words: string[]): string[] {
  const script = `${completion('bash', program())}
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_sigmq; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync('bash', ['-c', script, 'bash', 'sigmq', ...words]).toString();
  return output.split('\n').slice(0, -1);
}

describe('completion', () => {
  it('offers in bash the commands and options of where one is', () => {
    assert.deepEqual(offered(''), ['dead', 'send', '--version', '--help']);
    assert.deepEqual(offered('de'), ['dead']);
    assert.deepEqual(offered('dead', ''), ['ls', '--help']);
    assert.deepEqual(offered('dead', '--x', 'ls', '--'), ['--json', '--help']);
    assert.deepEqual(offered('send', 'dead', '--'), ['--help']);
  });

  it('is the same for zsh, behind what loads it there', () => {
    const [first, ...rest] = completion('zsh', program()).split('\n');
    assert.match(first ?? '', /bashcompinit/);
    assert.equal(rest.join('\n'), completion('bash', program()));
  });

  it('is a line for each in fish, quoted, without hidden ones', () => {
    assert.deepEqual(completion('fish', program()).split('\n'), [
      "complete -c sigmq -n '__fish_use_subcommand' -l version -d 'version'",
      "complete -c sigmq -f -n '__fish_use_subcommand' -a dead -d 'the dead'",
      "complete -c sigmq -f -n '__fish_seen_subcommand_from dead' -a ls -d 'It\\'s a \\\\ list'",
      "complete -c sigmq -n '__fish_seen_subcommand_from dead; and __fish_seen_subcommand_from ls' -l json -d 'as JSON'",
      "complete -c sigmq -f -n '__fish_use_subcommand' -a send -d ''",
      '',
    ]);
  });
});
