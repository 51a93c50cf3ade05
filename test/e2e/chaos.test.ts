/** A short run of `npm run chaos`, always with the same decisions; what it leaves out has tests of its own. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { Program, ROOT } from './harness.ts';

const LEDGERS = ['ledger', 'group-ledger', 'ask-ledger', 'key-ledger'];

it('notices what is lost, altered or repeated', async (t) => {
  const ledger = new Program(t, process.execPath, [
    '--test',
    '--test-reporter=tap',
    ...LEDGERS.map((name) => join(ROOT, `chaos/${name}.test.mjs`)),
  ]);
  const { code, stderr } = await ledger.ended;
  assert.equal(code, 0, `${ledger.stdout}${stderr}`);
});

it('loses and repeats nothing while everything goes wrong at random', async (t) => {
  const acts = ['--acts', 'calm,storm,work,kick,strangers'];
  const sizes = '--calm 10 --messages 20 --work 6 --kick 6 --strangers 1';
  const args = ['--seed', '1', ...acts, ...sizes.split(' ')];
  const chaos = new Program(t, process.execPath, [join(ROOT, 'chaos/chaos.mjs'), ...args]);
  const { code, stderr } = await chaos.ended;
  for (const line of chaos.lines) t.diagnostic(line);
  assert.equal(code, 0, `${chaos.stdout}${stderr}`);
});
