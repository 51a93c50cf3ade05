/** The completion scripts, each in its own shell. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Command, Option } from 'commander';
import { completion } from '../../src/cli/completion.ts';
import { sigmq } from '../../src/cli/sigmq.ts';
import { ROOT } from '../e2e/harness.ts';
import { tempDir } from '../registry/children.ts';

/** Lines, the last word of which is being typed, and what is offered for it. */
const OFFERED: Readonly<Record<string, readonly string[]>> = {
  'sigmq pu': ['purge'],
  'sigmq dead ki': ['kick'],
  'sigmq dead ls --q': ['--queue'],
  'sigmq dead --dir ls ki': ['kick'],
  'sigmq peek --state ': ['dead', 'delayed', 'ready', 'reserved'],
  'sigmq purge -s rea': ['ready'],
  'sigmq broker --log-level ': ['debug', 'error', 'info', 'warn'],
  'sigmq broker --log-level warn --log-format j': ['json'],
  'sigmq completion zs': ['zsh'],
  'sigmq consume -- --qu': [],
  'sigmq consume -- sen': [],
};

/** A bound for a shell that hangs, not a measure; ms. */
const PATIENCE_MS = 60_000;

/** In an empty folder: what a shell offers beside ours are files. */
function inShell(t: TestContext, shell: string, args: readonly string[]): string {
  return execFileSync(shell, args, { cwd: tempDir(t), timeout: PATIENCE_MS }).toString();
}

const scriptOf = (shell: 'bash' | 'zsh' | 'fish', program = sigmq()) => completion(shell, program);

function scriptFile(t: TestContext, shell: 'zsh' | 'fish'): string {
  const path = join(tempDir(t), `sigmq.${shell}`);
  writeFileSync(path, scriptOf(shell));
  return path;
}

const lacks = (shell: string) =>
  spawnSync(shell, ['-c', ':']).error !== undefined && `${shell} is not installed`;

describe('completion in bash', () => {
  /** Words as readline has them: it takes `--name=value` apart. */
  function offered(t: TestContext, words: readonly string[], program?: Command): string[] {
    const script = `${scriptOf('bash', program)}
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_sigmq; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = inShell(t, 'bash', ['-c', script, 'bash', ...words]);
    return output.split('\n').filter((line) => line !== '');
  }

  for (const [line, words] of Object.entries(OFFERED)) {
    it(`offers ${words.join(', ') || 'nothing'} for "${line}"`, (t) => {
      assert.deepEqual(offered(t, line.split(' ')).sort(), words);
    });
  }

  it('offers subcommands, then options, and no option for the value of one', (t) => {
    assert.deepEqual(offered(t, ['sigmq', 'dead', '']), [
      ...['ls', 'show', 'kick', 'rm'],
      ...['--dir', '--no-color', '--help'],
    ]);
    assert.deepEqual(offered(t, ['sigmq', 'send', '--queue', '--prio']), []);
  });

  it('offers values behind an equals sign', (t) => {
    assert.deepEqual(offered(t, ['sigmq', 'peek', '--state', '=']).length, 4);
    assert.deepEqual(offered(t, ['sigmq', 'peek', '--state', '=', 're']), ['ready', 'reserved']);
    assert.deepEqual(offered(t, ['sigmq', 'peek', '--state', '=', 'dead', '--j']), ['--json']);
  });

  it('does not offer what is hidden', (t) => {
    const hidden = new Command('sigmq').option('-q').addOption(new Option('--secret').hideHelp());
    assert.deepEqual(offered(t, ['sigmq', '-'], hidden), ['--help']);
  });
});

it('completion in zsh makes the only word of what is begun', { skip: lacks('zsh') }, (t) => {
  const made = new Map([['sigmq peek --state=rea', 'sigmq peek --state=ready ']]);
  for (const [line, [word, ...others]] of Object.entries(OFFERED)) {
    if (others.length > 0) continue; // it would show a list
    made.set(line, word === undefined ? line : `${line.slice(0, line.lastIndexOf(' '))} ${word} `);
  }
  // One shell for all: it takes seconds to learn what there is.
  const fixture = join(ROOT, 'test/fixtures/zsh_tab.py');
  const output = inShell(t, 'python3', [fixture, scriptFile(t, 'zsh'), ...made.keys()]);
  assert.deepEqual(output.split('\n').slice(0, -1), [...made.values()]);
});

describe('completion in fish', { skip: lacks('fish') }, () => {
  for (const [line, words] of Object.entries(OFFERED)) {
    it(`offers ${words.join(', ') || 'nothing'} for "${line}"`, (t) => {
      const source = `source ${scriptFile(t, 'fish')}; complete -C '${line}'`;
      const output = inShell(t, 'fish', ['-N', '-c', source]);
      const offered = output.split('\n').slice(0, -1);
      const start = line.slice(line.lastIndexOf(' ') + 1);
      assert.deepEqual(
        offered
          .flatMap((one) => one.split('\t')[0] ?? [])
          .filter((one) => one.startsWith(start))
          .sort(),
        words,
      );
    });
  }

  it('quotes descriptions', () => {
    const program = new Command('sigmq').option('--json', "It's a \\ list");
    assert.match(scriptOf('fish', program), /-l json -d 'It\\'s a \\\\ list'$/m);
  });
});
