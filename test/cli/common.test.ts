/** What all commands share. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { command, firstGiven, onlyGiven } from '../../src/cli/common.ts';

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

it('knows what is on the command line, and what came from elsewhere', async () => {
  const one = command('one', '').option('--job-timeout <n>').option('--json').option('--raw');
  one.action(() => {});
  await one.parseAsync(['--raw', '--job-timeout', '5'], { from: 'user' });
  one.setOptionValueWithSource('json', true, 'config');
  assert.equal(firstGiven(one, ['json', 'jobTimeout', 'raw']), '--job-timeout');
  assert.equal(firstGiven(one, ['json']), undefined);
  const flags = { ...one.opts<{ json?: true; raw?: true; jobTimeout?: string }>() };
  assert.deepEqual(onlyGiven(flags, one, ['json', 'raw']), {
    raw: true,
    jobTimeout: '5',
    color: true,
  });
});
