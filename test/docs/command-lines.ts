/** Command lines that a page or a unit shows, and that are not run. */
import assert from 'node:assert/strict';
import { sigmq } from '../../src/cli/sigmq.ts';

/** That sigmq understands its options, and their values. @param words `sigmq`, a command, its arguments */
export function assertUnderstood(words: readonly string[]): void {
  const [program, ...rest] = words;
  assert.equal(program, 'sigmq');
  let command = sigmq();
  for (;;) {
    const name = rest[0];
    const next = command.commands.find((one) => one.name() === name);
    if (!next) break;
    command = next;
    rest.shift();
  }
  assert.notEqual(command.parent, null, `there is a command in: ${words.join(' ')}`);
  command.exitOverride().configureOutput({ writeErr: () => {} });
  const { unknown } = command.parseOptions(rest);
  assert.deepEqual(unknown, [], words.join(' '));
}

/** As a shell does it, if there are no other quotes than double ones. */
export function wordsOf(line: string): string[] {
  return (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"(.*)"$/, '$1'));
}
