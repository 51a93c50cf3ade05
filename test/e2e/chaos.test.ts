/** A short run of `npm run chaos`, always with the same faults. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { Program, ROOT } from './harness.ts';

it('loses and repeats nothing while processes are killed and stopped at random', async (t) => {
  const args = ['--seed', '1', '--messages', '300', '--calm', '100'];
  const chaos = new Program(t, process.execPath, [join(ROOT, 'chaos/chaos.mjs'), ...args]);
  const { code, stderr } = await chaos.ended;
  for (const line of chaos.lines) t.diagnostic(line);
  assert.equal(code, 0, `${chaos.stdout}${stderr}`);
});
