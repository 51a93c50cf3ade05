/** A short run of `npm run fuzz`, always with the same rounds. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { Program, ROOT } from '../e2e/harness.ts';

it('survives random signals, requests, files, stores, command lines and headers', async (t) => {
  const args = ['--seed', '1', '--rounds', '4', '--seconds', '600'];
  const fuzz = new Program(t, process.execPath, [join(ROOT, 'fuzz/fuzz.mjs'), ...args]);
  const { code, stderr } = await fuzz.ended;
  for (const line of fuzz.lines) t.diagnostic(line);
  assert.equal(code, 0, `${fuzz.stdout}${stderr}`);
});
