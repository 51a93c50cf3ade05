/** What all commands share. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { command } from '../../src/cli/common.ts';

for (const line of [
  ['ls', '--dir', '/d', '--no-color'],
  ['--dir', '/d', '--no-color', 'ls'],
])
  it(`hands down what stands in: dead ${line.join(' ')}`, async () => {
    let given: unknown;
    const ls = command('ls', '').action((flags) => {
      given = flags;
    });
    await command('dead', '').addCommand(ls).parseAsync(line, { from: 'user' });
    assert.deepEqual(given, { dir: '/d', color: false });
  });
